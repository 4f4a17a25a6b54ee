import type { Tensor, Tensor2D, Variable } from '@tensorflow/tfjs-core'
import { AppError } from '#shared/errors.ts'
import type { DataParams } from '../../stages.ts'
import type { Engine } from '../engines/engine.ts'
import type { NamedArrays, Network } from '../training/types.ts'
import { applyLayer } from './layers.ts'
import { shapedLayers, sizeOf, type VariableShape } from './shapes.ts'

/**
 * A network of a known architecture, with these weights or (to be loaded later) zeros. The caller disposes.
 * @throws AppError `bad-input` for an unknown architecture or images too small for it, `corrupt` for weights of another one.
 */
export function createNetwork(
  engine: Engine,
  architecture: string,
  data: DataParams,
  weights: NamedArrays | null,
): Network {
  const { tf } = engine
  const layers = shapedLayers(architecture, data)
  const shapes = layers.flatMap((layer) => layer.variables)
  if (weights !== null) checkWeights(shapes, weights, architecture)
  const variables = new Map<string, Variable>()
  tf.tidy(() => {
    for (const { name, shape } of shapes) {
      // Names are unique in the engine, not only in the network: several networks live at once.
      const initial = weights === null ? tf.zeros([...shape]) : tf.tensor(weights[name].data.slice(), [...shape])
      variables.set(name, tf.variable(initial))
    }
  })
  const perLayer = layers.map((layer) => layer.variables.map(({ name }) => required(variables, name)))

  return {
    architecture,
    classCount: data.classCount,
    variables,
    forward(x) {
      let input: Tensor = x
      let output: Tensor = x
      for (const [i, layer] of layers.entries()) {
        input = output
        output = applyLayer(layer, input, perLayer[i])
      }
      return { logits: output as Tensor2D, penultimate: input as Tensor2D }
    },
    async save() {
      return Object.fromEntries(
        await Promise.all(
          shapes.map(async ({ name, shape }) => {
            const values = await required(variables, name).data<'float32'>()
            // A copy: the cpu engine hands out the live array.
            return [name, { shape, data: values.slice() }] as const
          }),
        ),
      )
    },
    load(loaded) {
      checkWeights(shapes, loaded, architecture)
      tf.tidy(() => {
        for (const { name, shape } of shapes) {
          required(variables, name).assign(tf.tensor(loaded[name].data.slice(), [...shape]))
        }
      })
    },
    dispose() {
      for (const variable of variables.values()) variable.dispose()
    },
  }
}

function checkWeights(shapes: readonly VariableShape[], weights: NamedArrays, architecture: string): void {
  const refuse = (what: string): AppError =>
    new AppError('corrupt', `The weights do not fit the architecture "${architecture}": ${what}.`, {
      hint: 'Use weights that were made with this architecture, image size and number of classes.',
    })
  const known = new Set(shapes.map(({ name }) => name))
  const unknown = Object.keys(weights).find((name) => !known.has(name))
  if (unknown !== undefined) throw refuse(`"${unknown}" is none of its variables`)
  for (const { name, shape } of shapes) {
    if (!Object.hasOwn(weights, name)) throw refuse(`"${name}" is missing`)
    const found = weights[name]
    if (found.shape.join() !== shape.join() || found.data.length !== sizeOf(shape)) {
      throw refuse(`"${name}" has shape [${found.shape.join(', ')}] instead of [${shape.join(', ')}]`)
    }
  }
}

function required(variables: ReadonlyMap<string, Variable>, name: string): Variable {
  const variable = variables.get(name)
  if (variable === undefined) throw new AppError('internal', `The network has no variable "${name}".`)
  return variable
}
