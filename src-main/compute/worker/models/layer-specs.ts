/** Layers as plain data, and short ways to write them: readable without a tensor library. */

/** Padding is TensorFlow's: convolutions "same" (output = ceil(input / stride)), pooling "valid". */
export type LayerSpec = {
  /** Unique in its architecture. Activations, penultimate feature and "the last k layers" are found by it. */
  readonly name: string
  /** The layer it reads; absent: the one before it. */
  readonly from?: string
} & (
  | {
      readonly kind: 'conv'
      readonly filters: number
      readonly kernel: number
      readonly stride: number
      readonly relu: boolean
      /** false in front of a batch norm, whose shift takes its place. */
      readonly bias: boolean
    }
  | { readonly kind: 'batch-norm'; readonly relu: boolean }
  | { readonly kind: 'max-pool'; readonly size: number; readonly stride: number }
  /** Mean over all positions of each channel. */
  | { readonly kind: 'average-pool' }
  /** ReLU of the sum with the layer named `with`. */
  | { readonly kind: 'add-relu'; readonly with: string }
  | { readonly kind: 'flatten' }
  | { readonly kind: 'dense'; readonly units: number; readonly relu: boolean }
)

/** A 3x3 convolution with bias and ReLU. */
export const conv = (name: string, filters: number, stride = 1): LayerSpec => ({
  kind: 'conv',
  name,
  filters,
  kernel: 3,
  stride,
  relu: true,
  bias: true,
})

/** Halves the image. */
export const pool = (name: string): LayerSpec => ({ kind: 'max-pool', name, size: 2, stride: 2 })

export const dense = (name: string, units: number, relu: boolean): LayerSpec => ({ kind: 'dense', name, units, relu })

/** Flatten, one dense layer whose output is the penultimate feature, and the logits. */
export const denseHead = (units: number, classCount: number): readonly LayerSpec[] => [
  { kind: 'flatten', name: 'flatten' },
  dense('dense1', units, true),
  dense('dense2', classCount, false),
]
