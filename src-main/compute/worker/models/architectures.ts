/** The networks that a study can use, as plain data: readable without a tensor library. */
import type { ArchitectureInfo } from '#shared/domain/system.ts'
import { AppError } from '#shared/errors.ts'

/** Convolutions pad like TensorFlow's "same": output = ceil(input / stride); pooling like "valid". */
export type LayerSpec =
  | {
      readonly kind: 'conv'
      readonly name: string
      readonly filters: number
      readonly kernel: number
      readonly stride: number
      readonly relu: boolean
    }
  | { readonly kind: 'max-pool'; readonly size: number; readonly stride: number }
  | { readonly kind: 'flatten' }
  | { readonly kind: 'dense'; readonly name: string; readonly units: number; readonly relu: boolean }

export interface Architecture extends ArchitectureInfo {
  /** The last layer is the dense one that gives the logits; its input is the penultimate feature. */
  readonly layers: (classCount: number) => readonly LayerSpec[]
}

const conv = (name: string, filters: number, stride: number): LayerSpec => ({
  kind: 'conv',
  name,
  filters,
  kernel: 3,
  stride,
  relu: true,
})
const head = (classCount: number): readonly LayerSpec[] => [
  { kind: 'flatten' },
  { kind: 'dense', name: 'dense1', units: 64, relu: true },
  { kind: 'dense', name: 'dense2', units: classCount, relu: false },
]

export const architectures: readonly Architecture[] = [
  {
    id: 'tiny-cnn',
    title: 'Tiny CNN',
    summary: 'Two strided 3x3 convolutions (16, 32) and a dense layer of 64: small grey images, seconds an epoch.',
    layers: (classCount) => [conv('conv1', 16, 2), conv('conv2', 32, 2), ...head(classCount)],
  },
  {
    id: 'small-cnn',
    title: 'Small CNN',
    summary: 'Three strided 3x3 convolutions (16, 32, 64) and a dense layer of 64: colour images of about 32x32.',
    layers: (classCount) => [conv('conv1', 16, 2), conv('conv2', 32, 2), conv('conv3', 64, 2), ...head(classCount)],
  },
]

/** @throws AppError `bad-input` naming the architectures there are. */
export function architectureOf(id: string): Architecture {
  const found = architectures.find((architecture) => architecture.id === id)
  if (found !== undefined) return found
  throw new AppError('bad-input', `There is no architecture "${id}".`, {
    hint: `Choose one of ${architectures.map((architecture) => architecture.id).join(', ')}.`,
  })
}
