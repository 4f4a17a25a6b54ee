import type { NativeKernel } from './twofold.ts'

/** A kernel that has no place where its trial, against the same by other kernels, fails. */
export interface TriedKernel {
  readonly name: string
  readonly kernel: NativeKernel
  /** With all inputs of the forward pass, where an optional kernel is a gradient. */
  readonly reference: NativeKernel
}
