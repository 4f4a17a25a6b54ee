/** Shapes of layers and of their variables, without the batch dimension: arithmetic only. */
import { AppError, assertNever } from '#shared/errors.ts'
import type { DataParams } from '../../stages.ts'
import { architectureOf, type LayerSpec } from './architectures.ts'

/** What an array of a layer is; the last two are state: no gradient moves them. */
export type VariableRole = 'kernel' | 'bias' | 'gamma' | 'beta' | 'moving_mean' | 'moving_variance'

export interface VariableShape {
  /** `LAYER/ROLE`. */
  readonly name: string
  readonly role: VariableRole
  readonly shape: readonly number[]
  /** Inputs that one output of the layer sums over, and outputs that one input reaches: the scale of initial weights. */
  readonly fanIn: number
  readonly fanOut: number
}

export interface ShapedLayer {
  readonly spec: LayerSpec
  /** Names of the layers it reads; null is the image. */
  readonly inputs: readonly (string | null)[]
  /** Shape of the first of them. */
  readonly input: readonly number[]
  readonly output: readonly number[]
  /** In the order of `VariableRole`; empty for layers that learn nothing. */
  readonly variables: readonly VariableShape[]
  /** Multiplications and additions for one sample. */
  readonly operations: number
}

type InputShape = Pick<DataParams, 'height' | 'width' | 'channels' | 'classCount'>

/**
 * Every layer of an architecture for images and classes of this kind, each after all that it reads.
 * @throws AppError `bad-input` for an unknown architecture and for images too small for it.
 */
export function shapedLayers(architecture: string, data: InputShape): readonly ShapedLayer[] {
  const { layers, title } = architectureOf(architecture)
  const outputs = new Map<string | null, readonly number[]>([[null, [data.height, data.width, data.channels]]])
  const outputOf = (name: string | null): readonly number[] => {
    const shape = outputs.get(name)
    if (shape === undefined) throw new AppError('internal', `${title}: there is no layer "${name}" to read from yet.`)
    return shape
  }
  let previous: string | null = null
  return layers(data.classCount).map((spec) => {
    const inputs = [spec.from ?? previous, ...(spec.kind === 'add-relu' ? [spec.with] : [])]
    const layer = shapeLayer(spec, inputs, inputs.map(outputOf), { title, data })
    outputs.set(spec.name, layer.output)
    previous = spec.name
    return layer
  })
}

/** Of what learns; moving averages aren't counted, as is usual. */
export function parameterCount(architecture: string, data: InputShape): number {
  return shapedLayers(architecture, data)
    .flatMap((layer) => layer.variables)
    .filter(isTrainable)
    .reduce((sum, variable) => sum + sizeOf(variable.shape), 0)
}

/** Values of a network's saved weights, moving averages included. */
export function weightCount(architecture: string, data: InputShape): number {
  return shapedLayers(architecture, data)
    .flatMap((layer) => layer.variables)
    .reduce((sum, variable) => sum + sizeOf(variable.shape), 0)
}

/** Width of the penultimate feature. */
export function penultimateWidth(architecture: string, data: InputShape): number {
  return shapedLayers(architecture, data).at(-1)?.input[0] ?? 0
}

/** Multiplications and additions of one sample's way through a network. */
export function forwardOperations(architecture: string, data: InputShape): number {
  return shapedLayers(architecture, data).reduce((sum, { operations }) => sum + operations, 0)
}

export function isTrainable({ role }: Pick<VariableShape, 'role'>): boolean {
  return role !== 'moving_mean' && role !== 'moving_variance'
}

interface Whole {
  readonly title: string
  readonly data: InputShape
}

function shapeLayer(
  spec: LayerSpec,
  inputs: ShapedLayer['inputs'],
  [input, other]: readonly (readonly number[])[],
  whole: Whole,
): ShapedLayer {
  const layer = (
    output: readonly number[],
    operations: number,
    variables: readonly VariableShape[] = [],
  ): ShapedLayer => ({ spec, inputs, input, output, variables, operations })
  switch (spec.kind) {
    case 'conv': {
      const [height, width, channels] = ofRank(input, 3, spec)
      const { kernel, stride, filters, bias } = spec
      const output = [Math.ceil(height / stride), Math.ceil(width / stride), filters]
      const variables = affine(spec.name, [kernel, kernel, channels, filters], kernel * kernel)
      return layer(output, 2 * kernel * kernel * channels * sizeOf(output), bias ? variables : variables.slice(0, 1))
    }
    case 'batch-norm': {
      const [, , channels] = ofRank(input, 3, spec)
      // Mean, variance, scale and shift: as many passes over the values.
      return layer(input, 4 * sizeOf(input), normalising(spec.name, channels))
    }
    case 'max-pool': {
      const [height, width, channels] = ofRank(input, 3, spec)
      if (height < spec.size || width < spec.size) throw tooSmall(whole, spec, [height, width])
      const pooled = (length: number): number => Math.floor((length - spec.size) / spec.stride) + 1
      return layer([pooled(height), pooled(width), channels], sizeOf(input))
    }
    case 'average-pool': {
      const [, , channels] = ofRank(input, 3, spec)
      return layer([channels], sizeOf(input))
    }
    case 'add-relu': {
      if (input.join() !== other.join()) {
        throw new AppError(
          'internal',
          `The layer "${spec.name}" cannot add [${other.join(', ')}] to [${input.join(', ')}].`,
        )
      }
      return layer(input, sizeOf(input))
    }
    case 'flatten':
      return layer([sizeOf(input)], 0)
    case 'dense': {
      const [width] = ofRank(input, 1, spec)
      return layer([spec.units], 2 * width * spec.units, affine(spec.name, [width, spec.units], 1))
    }
    default:
      return assertNever(spec)
  }
}

/** `positions`: of the kernel in the image. */
function affine(layer: string, kernel: readonly number[], positions: number): readonly VariableShape[] {
  const [inputs, units] = kernel.slice(-2)
  const fans = { fanIn: positions * inputs, fanOut: positions * units }
  return [
    { name: `${layer}/kernel`, role: 'kernel', shape: kernel, ...fans },
    { name: `${layer}/bias`, role: 'bias', shape: [units], ...fans },
  ]
}

function normalising(layer: string, channels: number): readonly VariableShape[] {
  const roles = ['gamma', 'beta', 'moving_mean', 'moving_variance'] as const
  return roles.map((role) => ({ name: `${layer}/${role}`, role, shape: [channels], fanIn: 1, fanOut: 1 }))
}

function tooSmall({ title, data }: Whole, spec: LayerSpec, reached: readonly number[]): AppError {
  const size = `${data.height}x${data.width}`
  return new AppError(
    'bad-input',
    `Images of ${size} are too small for ${title}: only ${reached.join('x')} is left of them where "${spec.name}" halves them once more.`,
    { hint: 'Choose an architecture for smaller images, or import the images larger (dataset import --size).' },
  )
}

function ofRank(shape: readonly number[], rank: number, spec: LayerSpec): readonly number[] {
  if (shape.length === rank) return shape
  throw new AppError('internal', `A ${spec.kind} layer cannot take an input of shape [${shape.join(', ')}].`)
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1)
}
