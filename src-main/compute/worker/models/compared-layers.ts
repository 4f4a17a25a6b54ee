import type { DataParams } from '../../stages.ts'
import { shapedLayers } from './shapes.ts'

/**
 * Layers whose representations are worth comparing between two networks: the ends of residual blocks, or convolutions
 * where there are none; dense layers; and the penultimate one, whatever it is.
 */
export function comparedLayers(
  architecture: string,
  data: Pick<DataParams, 'height' | 'width' | 'channels' | 'classCount'>,
): readonly string[] {
  const layers = shapedLayers(architecture, data)
  const penultimate = layers[layers.length - 1]?.inputs[0] ?? null
  const block = layers.some(({ spec }) => spec.kind === 'add-relu') ? 'add-relu' : 'conv'
  return layers
    .filter(({ spec }) => spec.kind === block || spec.kind === 'dense' || spec.name === penultimate)
    .map(({ spec }) => spec.name)
}
