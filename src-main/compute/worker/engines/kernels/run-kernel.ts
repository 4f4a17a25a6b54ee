import { engine, type NamedAttrMap, type NamedTensorMap, type Tensor } from '@tensorflow/tfjs-core'

/** Runs a kernel of the active engine, under its registered gradient if a tape is on. */
export function runKernel<Result extends Tensor | Tensor[] = Tensor>(
  name: string,
  inputs: NamedTensorMap,
  attributes: NamedAttrMap = {},
): Result {
  return engine().runKernel<Result>(name, inputs, attributes)
}
