import type { Rank, Tensor, Tensor1D, Tensor2D, Variable } from '@tensorflow/tfjs-core'
import { AppError } from '#shared/errors.ts'
import type { DataParams } from '../../stages.ts'
import type { Engine } from '../engines/engine.ts'
import type { NamedArrays, Network } from '../training/types.ts'
import { architectureOf } from './architectures.ts'
import { applyLayer, pooledConvolutions } from './layers.ts'
import { learningLayers } from './learning-layers.ts'
import { isTrainable, shapedLayers } from './shapes.ts'
import { checkWeights } from './weights-check.ts'

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
  const { penultimate: penultimateLayer } = architectureOf(architecture)
  const layers = shapedLayers(architecture, data)
  const shapes = layers.flatMap((layer) => layer.variables)
  const refuse = (what: string): AppError =>
    new AppError('corrupt', `The weights do not fit the architecture "${architecture}": ${what}.`, {
      hint: 'Use weights that were made with this architecture, image size and number of classes.',
    })
  if (weights !== null) checkWeights(shapes, weights, refuse)
  const all = new Map<string, Variable>()
  tf.tidy(() => {
    for (const variable of shapes) {
      const { name, shape } = variable
      // Names are unique in the engine, not only in the network: several networks live at once.
      const initial = weights === null ? tf.zeros([...shape]) : tf.tensor(weights[name].data.slice(), [...shape])
      all.set(name, tf.variable(initial, isTrainable(variable)))
    }
  })
  const subset = (trainable: boolean): ReadonlyMap<string, Variable> =>
    new Map(shapes.filter((shape) => isTrainable(shape) === trainable).map(({ name }) => [name, required(all, name)]))
  const variables = subset(true)
  const statistics = subset(false)
  const perLayer = layers.map((layer) => layer.variables.map(({ name }) => required(all, name)))
  const layerNames = layers.map(({ spec }) => spec.name)
  const pooled = pooledConvolutions(layers)

  return {
    architecture,
    classCount: data.classCount,
    variables,
    statistics,
    layerNames,
    penultimateLayer,
    learningLayers: learningLayers(layers),
    forward(x, { mode = 'eval', keep = [] } = {}) {
      const unknown = keep.find((name) => !layerNames.includes(name))
      if (unknown !== undefined) throw noLayer(architecture, unknown, layerNames)
      const outputs = new Map<string | null, Tensor>([[null, x]])
      const batchStatistics: Record<string, Tensor1D> = {}
      let output: Tensor = x
      for (const [i, { spec, inputs }] of layers.entries()) {
        // With its pool in one, unless somebody asks for what is between them.
        if (pooled.has(i) && !keep.includes(spec.name)) continue
        const convolution = keep.includes(layers[i - 1]?.spec.name ?? '') ? undefined : pooled.get(i - 1)
        output = applyLayer(spec, {
          inputs: (convolution === undefined ? inputs : layers[i - 1].inputs).map((name) => outputs.get(name) ?? x),
          variables: convolution === undefined ? perLayer[i] : perLayer[i - 1],
          convolution,
          onStatistics:
            mode === 'eval'
              ? null
              : ({ mean, variance }) => {
                  batchStatistics[`${spec.name}/moving_mean`] = mean
                  batchStatistics[`${spec.name}/moving_variance`] = variance
                },
        })
        outputs.set(spec.name, output)
      }
      return {
        logits: output as Tensor2D,
        penultimate: outputs.get(penultimateLayer) as Tensor2D,
        activations: Object.fromEntries(keep.map((name) => [name, outputs.get(name) ?? output])),
        batchStatistics,
      }
    },
    updateStatistics(batchStatistics, rate) {
      tf.tidy(() => {
        for (const [name, batch] of Object.entries(batchStatistics)) {
          const moving = required(statistics, name) as Variable<Rank.R1>
          moving.assign(tf.add(tf.mul(moving, 1 - rate), tf.mul(batch, rate)))
        }
      })
    },
    async save() {
      return Object.fromEntries(
        await Promise.all(
          shapes.map(async ({ name, shape }) => {
            const values = await required(all, name).data<'float32'>()
            // A copy: the cpu engine hands out the live array.
            return [name, { shape, data: values.slice() }] as const
          }),
        ),
      )
    },
    load(loaded) {
      checkWeights(shapes, loaded, refuse)
      tf.tidy(() => {
        for (const { name, shape } of shapes) {
          required(all, name).assign(tf.tensor(loaded[name].data.slice(), [...shape]))
        }
      })
    },
    dispose() {
      for (const variable of all.values()) variable.dispose()
    },
  }
}

function required(variables: ReadonlyMap<string, Variable>, name: string): Variable {
  const variable = variables.get(name)
  if (variable === undefined) throw new AppError('internal', `The network has no variable "${name}".`)
  return variable
}

function noLayer(architecture: string, name: string, names: readonly string[]): AppError {
  return new AppError('bad-input', `The architecture "${architecture}" has no layer "${name}".`, {
    hint: `Its layers are ${names.join(', ')}.`,
    details: { layer: name },
  })
}
