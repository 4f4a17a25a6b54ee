/** The networks that a study can use, as plain data: readable without a tensor library. */
import type { ImageShape } from '#shared/domain/dataset.ts'
import type { ArchitectureInfo } from '#shared/domain/system.ts'
import { AppError } from '#shared/errors.ts'
import { conv, dense, denseHead, type LayerSpec, pool } from './layer-specs.ts'
import { residualNetwork } from './residual-networks.ts'

export type { LayerSpec } from './layer-specs.ts'

/**
 * How kernels and biases start. `uniform`: PyTorch's default for Conv2d and Linear, U(-1/sqrt(fanIn), 1/sqrt(fanIn)) for
 * both. `he-normal`: torchvision's for ResNet and VGG, N(0, 2 / fanOut) for convolutions (He et al. 2015), biases 0;
 * dense layers as `uniform`.
 */
export type Initialisation = 'uniform' | 'he-normal'

export interface Architecture extends Omit<ArchitectureInfo, 'example'> {
  /** Height, width, channels of the images it is meant for. */
  readonly usualImage: ImageShape
  readonly initialisation: Initialisation
  /** Name of the layer whose output is the penultimate feature: the one that the last layer reads. */
  readonly penultimate: string
  /** Each after all that it reads. The last one is dense and gives the logits. */
  readonly layers: (classCount: number) => readonly LayerSpec[]
}

/** Three times convolution and pooling, the last one without, as in ENGINES.md. */
const pooledCnn = (first: number, second: number, classCount: number): readonly LayerSpec[] => [
  conv('conv1', first),
  pool('pool1'),
  conv('conv2', second),
  pool('pool2'),
  conv('conv3', second),
  ...denseHead(64, classCount),
]

export const architectures: readonly Architecture[] = [
  {
    id: 'mlp',
    title: 'MLP',
    summary: 'One hidden dense layer of 64 and no convolution: the smallest there is, to try things out.',
    usualImage: [28, 28, 1],
    initialisation: 'uniform',
    penultimate: 'dense1',
    layers: (classCount) => denseHead(64, classCount),
  },
  {
    id: 'tiny-cnn',
    title: 'Tiny CNN',
    summary: 'Two strided 3x3 convolutions (16, 32) and a dense layer of 64: small grey images, seconds an epoch.',
    usualImage: [28, 28, 1],
    initialisation: 'uniform',
    penultimate: 'dense1',
    layers: (classCount) => [conv('conv1', 16, 2), conv('conv2', 32, 2), ...denseHead(64, classCount)],
  },
  {
    id: 'small-cnn',
    title: 'Small CNN',
    summary: 'Three strided 3x3 convolutions (16, 32, 64) and a dense layer of 64: colour images of about 32x32.',
    usualImage: [32, 32, 3],
    initialisation: 'uniform',
    penultimate: 'dense1',
    layers: (classCount) => [
      conv('conv1', 16, 2),
      conv('conv2', 32, 2),
      conv('conv3', 64, 2),
      ...denseHead(64, classCount),
    ],
  },
  {
    id: 'pooled-cnn-thin',
    title: 'Pooled CNN, thin',
    summary: 'Three 3x3 convolutions (16, 32, 32) with max pooling and a dense layer of 64: small grey images.',
    usualImage: [28, 28, 1],
    initialisation: 'uniform',
    penultimate: 'dense1',
    layers: (classCount) => pooledCnn(16, 32, classCount),
  },
  {
    id: 'pooled-cnn',
    title: 'Pooled CNN',
    summary: 'Three 3x3 convolutions (32, 64, 64) with max pooling and a dense layer of 64: colour images.',
    usualImage: [32, 32, 3],
    initialisation: 'uniform',
    penultimate: 'dense1',
    layers: (classCount) => pooledCnn(32, 64, classCount),
  },
  {
    id: 'wide-cnn',
    title: 'Wide CNN',
    summary: 'Three 3x3 convolutions (64, 128, 256) with max pooling and a dense layer of 256: minutes an epoch.',
    usualImage: [32, 32, 3],
    initialisation: 'uniform',
    penultimate: 'dense1',
    layers: (classCount) => [
      conv('conv1', 64),
      pool('pool1'),
      conv('conv2', 128),
      pool('pool2'),
      conv('conv3', 256),
      pool('pool3'),
      ...denseHead(256, classCount),
    ],
  },
  {
    id: 'vgg-11',
    title: 'VGG-11 without batch norm',
    summary: 'Eight 3x3 convolutions (64 to 512) with max pooling and one dense layer: for 32x32, best on a GPU.',
    usualImage: [32, 32, 3],
    initialisation: 'he-normal',
    penultimate: 'flatten',
    // Simonyan and Zisserman 2015, configuration A; one dense layer instead of three, as is usual at 32x32.
    layers: (classCount) => [
      conv('conv1', 64),
      pool('pool1'),
      conv('conv2', 128),
      pool('pool2'),
      conv('conv3', 256),
      conv('conv4', 256),
      pool('pool3'),
      conv('conv5', 512),
      conv('conv6', 512),
      pool('pool4'),
      conv('conv7', 512),
      conv('conv8', 512),
      pool('pool5'),
      { kind: 'flatten', name: 'flatten' },
      dense('dense', classCount, false),
    ],
  },
  {
    id: 'resnet-small',
    title: 'ResNet-8',
    summary: 'Three residual blocks (16, 32, 64) with batch norm: the smallest of its family, trains on a laptop.',
    usualImage: [32, 32, 3],
    initialisation: 'he-normal',
    penultimate: 'pool',
    layers: (classCount) =>
      residualNetwork(
        16,
        [
          { filters: 16, blocks: 1, stride: 1 },
          { filters: 32, blocks: 1, stride: 2 },
          { filters: 64, blocks: 1, stride: 2 },
        ],
        classCount,
      ),
  },
  {
    id: 'resnet-18',
    title: 'ResNet-18',
    summary: 'Eight residual blocks (64 to 512) with batch norm, for 32x32: the network of the papers, for a GPU.',
    usualImage: [32, 32, 3],
    initialisation: 'he-normal',
    penultimate: 'pool',
    layers: (classCount) =>
      residualNetwork(
        64,
        [
          { filters: 64, blocks: 2, stride: 1 },
          { filters: 128, blocks: 2, stride: 2 },
          { filters: 256, blocks: 2, stride: 2 },
          { filters: 512, blocks: 2, stride: 2 },
        ],
        classCount,
      ),
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
