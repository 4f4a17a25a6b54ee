/** Residual networks for small images (He et al. 2016, Deep Residual Learning, sections 3.3 and 4.2). */
import { dense, type LayerSpec } from './layer-specs.ts'

interface Stage {
  readonly filters: number
  readonly blocks: number
  /** Of the stage's first block. */
  readonly stride: number
}

/**
 * A 3x3 stem without pooling, stages of two-convolution blocks, the mean over all positions, and the logits. Where a
 * block changes the shape, its shortcut is a 1x1 convolution with batch norm (option B), as in the public CIFAR code.
 */
export function residualNetwork(stemFilters: number, stages: readonly Stage[], classCount: number): LayerSpec[] {
  const layers: LayerSpec[] = [...normalised('stem', { filters: stemFilters, kernel: 3, stride: 1, relu: true })]
  let previous = 'stem.norm'
  let width = stemFilters
  for (const [s, { filters, blocks, stride: firstStride }] of stages.entries()) {
    for (let b = 0; b < blocks; b++) {
      const block = `stage${s + 1}.block${b + 1}`
      const stride = b === 0 ? firstStride : 1
      layers.push(
        ...normalised(`${block}.conv1`, { filters, kernel: 3, stride, relu: true }, previous),
        ...normalised(`${block}.conv2`, { filters, kernel: 3, stride: 1, relu: false }),
      )
      if (stride === 1 && filters === width) {
        layers.push({ kind: 'add-relu', name: block, with: previous })
      } else {
        layers.push(...normalised(`${block}.shortcut`, { filters, kernel: 1, stride, relu: false }, previous), {
          kind: 'add-relu',
          name: block,
          with: `${block}.conv2.norm`,
        })
      }
      previous = block
      width = filters
    }
  }
  return [...layers, { kind: 'average-pool', name: 'pool' }, dense('dense', classCount, false)]
}

/** A convolution without bias and the batch norm behind it, `NAME.norm`. */
function normalised(
  name: string,
  shape: { readonly filters: number; readonly kernel: number; readonly stride: number; readonly relu: boolean },
  from?: string,
): readonly LayerSpec[] {
  const { relu, ...rest } = shape
  return [
    { kind: 'conv', name, ...rest, relu: false, bias: false, ...(from === undefined ? {} : { from }) },
    { kind: 'batch-norm', name: `${name}.norm`, relu },
  ]
}
