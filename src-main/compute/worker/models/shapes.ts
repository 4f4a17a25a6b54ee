/** Shapes of layers and of their variables, without the batch dimension: arithmetic only. */
import { AppError, assertNever } from '#shared/errors.ts'
import type { DataParams } from '../../stages.ts'
import { architectureOf, type LayerSpec } from './architectures.ts'

export interface VariableShape {
  readonly name: string
  readonly shape: readonly number[]
  /** Inputs that one output of the layer sums over: the scale of its initial weights. */
  readonly fanIn: number
}

export interface ShapedLayer {
  readonly spec: LayerSpec
  readonly input: readonly number[]
  readonly output: readonly number[]
  /** Kernel, then bias; empty for layers that learn nothing. */
  readonly variables: readonly VariableShape[]
}

type InputShape = Pick<DataParams, 'height' | 'width' | 'channels' | 'classCount'>

/** Every layer of an architecture for images and classes of this kind, in order. */
export function shapedLayers(architecture: string, data: InputShape): readonly ShapedLayer[] {
  let shape: readonly number[] = [data.height, data.width, data.channels]
  return architectureOf(architecture)
    .layers(data.classCount)
    .map((spec) => {
      const layer = shapeLayer(spec, shape)
      shape = layer.output
      return layer
    })
}

export function parameterCount(architecture: string, data: InputShape): number {
  return shapedLayers(architecture, data)
    .flatMap((layer) => layer.variables)
    .reduce((sum, variable) => sum + sizeOf(variable.shape), 0)
}

function shapeLayer(spec: LayerSpec, input: readonly number[]): ShapedLayer {
  switch (spec.kind) {
    case 'conv': {
      const [height, width, channels] = ofRank(input, 3, spec)
      const output = [Math.ceil(height / spec.stride), Math.ceil(width / spec.stride), spec.filters]
      const kernel = [spec.kernel, spec.kernel, channels, spec.filters]
      return { spec, input, output, variables: affine(spec.name, kernel, spec.kernel * spec.kernel * channels) }
    }
    case 'max-pool': {
      const [height, width, channels] = ofRank(input, 3, spec)
      const pooled = (length: number): number => Math.floor((length - spec.size) / spec.stride) + 1
      if (height < spec.size || width < spec.size) {
        throw new AppError('bad-input', `Images of ${height}x${width} are too small to be pooled by ${spec.size}.`, {
          hint: 'Choose an architecture for smaller images, or import the images larger.',
        })
      }
      return { spec, input, output: [pooled(height), pooled(width), channels], variables: [] }
    }
    case 'flatten':
      return { spec, input, output: [sizeOf(input)], variables: [] }
    case 'dense': {
      const [width] = ofRank(input, 1, spec)
      return { spec, input, output: [spec.units], variables: affine(spec.name, [width, spec.units], width) }
    }
    default:
      return assertNever(spec)
  }
}

function affine(name: string, kernel: readonly number[], fanIn: number): readonly VariableShape[] {
  const units = kernel[kernel.length - 1]
  return [
    { name: `${name}/kernel`, shape: kernel, fanIn },
    { name: `${name}/bias`, shape: [units], fanIn },
  ]
}

function ofRank(shape: readonly number[], rank: number, spec: LayerSpec): readonly number[] {
  if (shape.length === rank) return shape
  throw new AppError('internal', `A ${spec.kind} layer cannot take an input of shape [${shape.join(', ')}].`)
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1)
}
