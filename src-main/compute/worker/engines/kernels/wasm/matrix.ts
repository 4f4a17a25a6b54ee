import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core'
import { type DenseAttributes, kernelNames } from '../names.ts'
import type { WasmHeap } from './heap.ts'
import { packedLength } from './matrix-functions.ts'
import type { TrainingFunctions } from './training-functions.ts'

export interface WasmTools {
  readonly heap: WasmHeap
  readonly functions: TrainingFunctions
}

/** Packs a row-major matrix [depth, columns] at an address, or with `transposed` one of [columns, depth]. */
export function pack(
  { heap, functions }: WasmTools,
  source: number,
  depth: number,
  columns: number,
  transposed = false,
): number {
  const packed = heap.buffer('packed', packedLength(depth, columns))
  if (transposed) functions.packColumns(source, 4 * depth, packed, depth, columns)
  else functions.packRows(source, 4 * columns, packed, depth, columns)
  return packed
}

/** A bias as `multiply` reads it: whole groups of eight. */
export function packBias({ heap, functions }: WasmTools, bias: TensorInfo): number {
  const columns = bias.shape[0]
  const source = heap.address(bias)
  if (columns % 8 === 0) return source
  const packed = heap.buffer('bias', packedLength(1, columns))
  functions.packRows(source, 4 * columns, packed, 1, columns)
  return packed
}

export function denseKernels(tools: WasmTools): Readonly<Record<string, KernelFunc>> {
  const { heap, functions } = tools
  return {
    [kernelNames.dense]({ inputs, attrs }) {
      const { x, kernel, bias } = inputs as Record<string, TensorInfo>
      const { relu } = attrs as unknown as DenseAttributes
      const [rows, depth] = x.shape
      const columns = kernel.shape[1]
      const out = heap.output([rows, columns])
      functions.multiply(
        heap.address(x),
        4 * depth,
        pack(tools, heap.address(kernel), depth, columns),
        heap.address(out),
        4 * columns,
        rows,
        columns,
        depth,
        packBias(tools, bias),
        Number(relu),
      )
      return out
    },
  }
}

/** Replaces the stock product, which is slow with a transpose; `stock` does what this one doesn't. */
export function matrixProduct(tools: WasmTools, stock: KernelFunc): KernelFunc {
  const { heap, functions } = tools
  return (call) => {
    const { a, b } = call.inputs as Record<string, TensorInfo>
    const { transposeA, transposeB } = call.attrs as { transposeA: boolean; transposeB: boolean }
    const batch = a.shape.slice(0, -2)
    const sameBatch = batch.length === b.shape.length - 2 && batch.every((size, axis) => size === b.shape[axis])
    const [rows, depth] = transposeA ? a.shape.slice(-2).reverse() : a.shape.slice(-2)
    const [bDepth, columns] = transposeB ? b.shape.slice(-2).reverse() : b.shape.slice(-2)
    if (a.dtype !== 'float32' || b.dtype !== 'float32' || !sameBatch || depth !== bDepth) return stock(call)

    const out = heap.output([...batch, rows, columns], transposeA)
    const count = batch.reduce((product, size) => product * size, 1)
    for (let i = 0; i < count; i++) {
      const aAddress = heap.address(a) + 4 * i * rows * depth
      const packed = pack(tools, heap.address(b) + 4 * i * depth * columns, depth, columns, transposeB)
      const c = heap.address(out) + 4 * i * rows * columns
      if (transposeA) functions.multiplyTransposed(aAddress, 4 * rows, packed, c, 4 * columns, rows, columns, depth)
      else functions.multiply(aAddress, 4 * depth, packed, c, 4 * columns, rows, columns, depth, 0, 0)
    }
    return out
  }
}
