import type { KernelBackend, Tensor, TensorInfo } from '@tensorflow/tfjs-core'
import type { Padding } from '../names.ts'

/** Constants of TensorFlow's C interface, as the binding exports them. */
export interface NativeBinding {
  readonly TF_FLOAT: number
  readonly TF_INT32: number
  readonly TF_ATTR_STRING: number
  readonly TF_ATTR_INT: number
  readonly TF_ATTR_FLOAT: number
  readonly TF_ATTR_BOOL: number
  readonly TF_ATTR_TYPE: number
  readonly TF_Version?: string
  /**
   * Ours (see engine-install/binding-patch.ts), which a binding compiled before lacks: a kernel by its name, with tensors
   * and numbers in an order of its own.
   */
  runOwnKernel(name: string, ids: readonly number[], numbers: Float32Array): OutputInfo[]
}

/** A tensor of TensorFlow that tfjs doesn't know yet. */
export interface OutputInfo {
  readonly id: number
  readonly shape: number[]
  readonly dtype: number
}

export interface OpAttribute {
  readonly name: string
  readonly type: number
  readonly value: unknown
}

/** The part of tfjs-node's backend that is used here. Outputs are tensors of the current scope. */
export interface NativeBackend extends KernelBackend {
  readonly binding: NativeBinding
  readonly isUsingGpuDevice: boolean
  getInputTensorIds(tensors: readonly TensorInfo[]): number[]
  createOutputTensor(output: OutputInfo): Tensor
  executeSingleOutput(name: string, attributes: readonly OpAttribute[], inputs: readonly TensorInfo[]): Tensor
  executeMultipleOutputs(
    name: string,
    attributes: readonly OpAttribute[],
    inputs: readonly TensorInfo[],
    outputs: number,
  ): Tensor[]
}

/** A kernel of ours in the binding (resources/engine-headers/tmu_backend.h), by its name there. */
export function runOwnKernel(
  backend: NativeBackend,
  name: string,
  tensors: readonly TensorInfo[],
  numbers: readonly number[],
): Tensor[] {
  return backend.binding
    .runOwnKernel(name, backend.getInputTensorIds(tensors), Float32Array.from(numbers))
    .map((output) => backend.createOutputTensor(output))
}

/** Attributes of TensorFlow operations. */
export class Attributes {
  readonly #binding: NativeBinding

  constructor(binding: NativeBinding) {
    this.#binding = binding
  }

  get float(): number {
    return this.#binding.TF_FLOAT
  }

  /** One type, or a list of them. */
  type(name: string, value: number | readonly number[] = this.float): OpAttribute {
    return { name, type: this.#binding.TF_ATTR_TYPE, value }
  }

  /** One text, or a list of them. */
  text(name: string, value: string | readonly string[]): OpAttribute {
    return { name, type: this.#binding.TF_ATTR_STRING, value }
  }

  int(name: string, value: number | readonly number[]): OpAttribute {
    return { name, type: this.#binding.TF_ATTR_INT, value }
  }

  real(name: string, value: number): OpAttribute {
    return { name, type: this.#binding.TF_ATTR_FLOAT, value }
  }

  flag(name: string, value: boolean): OpAttribute {
    return { name, type: this.#binding.TF_ATTR_BOOL, value }
  }

  /**
   * What lets a oneDNN operation be called by its own name, whatever the environment says about rewriting graphs.
   */
  get onednn(): OpAttribute {
    return this.text('_kernel', 'MklNameChangeOp')
  }

  convolution({ strides, pad }: { readonly strides: readonly [number, number]; readonly pad: Padding }): OpAttribute[] {
    return [
      this.type('T'),
      this.int('strides', [1, ...strides, 1]),
      this.text('padding', pad.toUpperCase()),
      this.text('data_format', 'NHWC'),
      this.int('dilations', [1, 1, 1, 1]),
      this.int('explicit_paddings', []),
    ]
  }
}
