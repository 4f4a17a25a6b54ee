import type { NativeKernel } from './twofold.ts'

/** A kernel that has no place where its trial against the same by other kernels fails. */
export interface OptionalKernel {
  readonly name: string
  /** It makes no tensor beside its results. */
  readonly kernel: NativeKernel
  /** With all inputs of the forward pass, where it is a gradient. */
  readonly reference: NativeKernel
}
