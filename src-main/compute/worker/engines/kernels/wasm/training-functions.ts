import { type AssembledFunction, assembleModule } from './assembler.ts'
import { batchNormInput, batchNormSums, biasRelu, columnMoments, normaliseColumns } from './batch-norm-functions.ts'
import { gatherPatches, scatterPatches, scatterToMaximum } from './convolution-functions.ts'
import { multiply, multiplyTransposed, packColumns, packRows } from './matrix-functions.ts'
import { adam, addRelu, addSquares, columnSums, reluGradient, repeatRow, sgd } from './vector-functions.ts'

const sources = {
  packRows,
  packColumns,
  multiply,
  multiplyTransposed,
  gatherPatches,
  scatterPatches,
  scatterToMaximum,
  reluGradient,
  columnSums,
  columnMoments,
  normaliseColumns,
  batchNormSums,
  batchNormInput,
  biasRelu,
  addRelu,
  repeatRow,
  addSquares,
  adam,
  sgd,
} satisfies Record<string, AssembledFunction>

/** Called with addresses and numbers in the order of the function's parameters. */
export type TrainingFunctions = Readonly<Record<keyof typeof sources, (...values: number[]) => void>>

/** The part of the WebAssembly JavaScript interface used here; neither Node's types nor the ES library's have it. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer
}
interface WasmApi {
  instantiate(
    bytes: Uint8Array,
    imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  ): Promise<{ readonly instance: { readonly exports: unknown } }>
}

/** Assembles the training functions on a memory. Rejects with a CompileError where SIMD isn't supported. */
export async function instantiateTrainingFunctions(memory: WasmMemory): Promise<TrainingFunctions> {
  const { WebAssembly: api } = globalThis as unknown as { readonly WebAssembly: WasmApi }
  const { instance } = await api.instantiate(assembleModule(sources), { host: { memory } })
  return instance.exports as TrainingFunctions
}
