import type { LearningLayer } from '../training/types.ts'
import { isTrainable, type ShapedLayer, type VariableShape } from './shapes.ts'

/**
 * The layers that learn, first to last: each convolution and each dense layer, with the batch norm behind it. "The last k
 * layers" of CF-k and EU-k (Goel et al. 2022) are the last k of these.
 */
export function learningLayers(layers: readonly ShapedLayer[]): readonly LearningLayer[] {
  const found: { readonly name: string; readonly variables: VariableShape[] }[] = []
  for (const { spec, inputs, variables } of layers) {
    if (variables.length === 0) continue
    const before = found.find(({ name }) => name === inputs[0])
    if (spec.kind === 'batch-norm' && before !== undefined) before.variables.push(...variables)
    else found.push({ name: spec.name, variables: [...variables] })
  }
  const namesOf = (variables: readonly VariableShape[], trainable: boolean): readonly string[] =>
    variables.filter((variable) => isTrainable(variable) === trainable).map(({ name }) => name)
  return found.map(({ name, variables }) => ({
    name,
    variables: namesOf(variables, true),
    statistics: namesOf(variables, false),
  }))
}
