import { dispose, keep, type Scalar, type Tensor, tensor, tidy, type Variable, zerosLike } from '@tensorflow/tfjs-core'
import { AppError } from '#shared/errors.ts'
import { type AdamAttributes, kernelNames, type SgdAttributes } from './kernels/names.ts'
import { runKernel } from './kernels/run-kernel.ts'

export interface OptimizerOptions {
  /** L2 decay, added to the gradient; default 0. */
  readonly weightDecay?: number
  /** An update whose global gradient norm is smaller is skipped; default 0: none. */
  readonly minGradientNorm?: number
  /** `sgd` only; default 0. */
  readonly momentum?: number
  /** `adam` only; defaults 0.9, 0.999 and 1e-8. */
  readonly beta1?: number
  readonly beta2?: number
  readonly epsilon?: number
}

/** Named arrays, as checkpoints keep them. */
export type OptimizerState = Readonly<
  Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>
>

export interface Optimizer {
  /**
   * One update of every variable. `gradients`: by the variables' names in the map given to `createOptimizer`, or as
   * `tf.variableGrads` gives them; not disposed here. Returns the global gradient norm (L2 over all variables, without
   * decay). Nothing changes when it isn't finite or below `minGradientNorm`. `norm`: that norm, where the caller has read
   * it already; engines that can't be waited for (webgpu) need it.
   */
  step(gradients: Gradients, lr: number, norm?: number): number
  /** The square of the global gradient norm, a scalar that the caller disposes. */
  squaredNorm(gradients: Gradients): Scalar
  /** A copy of everything a later update depends on. */
  state(): Promise<OptimizerState>
  /** Goes on exactly where `state` was taken. @throws AppError `corrupt` for another optimizer's state. */
  restore(state: OptimizerState): void
  dispose(): void
}

interface UpdateRule {
  /** Names of the moments kept of each variable. */
  readonly moments: readonly string[]
  /** [new parameter, ...new moments]; `step` counts from 1. */
  update(parameter: Tensor, gradient: Tensor, moments: readonly Tensor[], lr: number, step: number): Tensor[]
}

/** Bias corrections come from the step count itself, so that a resumed run has no accumulated product to lose. */
function adamRule({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 }: OptimizerOptions): UpdateRule {
  return {
    moments: ['mean', 'square'],
    update(parameter, gradient, [mean, square], lr, step) {
      const attributes: AdamAttributes = {
        beta1,
        beta2,
        stepSize: lr / (1 - beta1 ** step),
        rootScale: 1 / Math.sqrt(1 - beta2 ** step),
        epsilon,
        weightDecay,
      }
      return runKernel<Tensor[]>(kernelNames.adam, { parameter, gradient, mean, square }, attributes)
    },
  }
}

function sgdRule({ momentum = 0, weightDecay = 0 }: OptimizerOptions): UpdateRule {
  return {
    moments: ['velocity'],
    update(parameter, gradient, [velocity], lr) {
      const attributes: SgdAttributes = { lr, momentum, weightDecay }
      return runKernel<Tensor[]>(kernelNames.sgd, { parameter, gradient, velocity }, attributes)
    },
  }
}

const stepKey = 'step'

interface Update {
  readonly name: string
  readonly variable: Variable
  readonly gradient: Tensor
}

type Gradients = ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>

function gradientOf(gradients: Gradients, name: string, variable: Variable): Tensor | undefined {
  if (gradients instanceof Map) return gradients.get(name)
  const record = gradients as Readonly<Record<string, Tensor | undefined>>
  return record[name] ?? record[variable.name]
}

/**
 * Adam (Kingma and Ba 2015) or SGD with classical momentum, both in PyTorch's conventions, over named variables of the
 * active engine. Owns its moments, not the variables.
 */
export function createOptimizer(
  kind: 'adam' | 'sgd',
  variables: ReadonlyMap<string, Variable>,
  options: OptimizerOptions = {},
): Optimizer {
  const rule = kind === 'adam' ? adamRule(options) : sgdRule(options)
  const { minGradientNorm = 0 } = options
  const moments = new Map<string, Tensor[]>()
  let step = 0
  tidy(() => {
    for (const [name, variable] of variables) {
      moments.set(
        name,
        rule.moments.map(() => keep(zerosLike(variable))),
      )
    }
  })

  const momentKeys = (name: string): string[] => rule.moments.map((moment) => `${name}/${moment}`)
  const heldMoments = (name: string): Tensor[] => {
    const held = moments.get(name)
    if (!held) throw new AppError('internal', `The optimizer holds nothing for "${name}": it was disposed of.`)
    return held
  }

  const gradientsOf = (gradients: Gradients): readonly Update[] =>
    [...variables].map(([name, variable]) => {
      const gradient = gradientOf(gradients, name, variable)
      if (!gradient) throw new AppError('internal', `There is no gradient for the variable "${name}".`)
      return { name, variable, gradient }
    })
  const squaredNorm = (gradients: Gradients): Scalar =>
    runKernel<Scalar>(
      kernelNames.squaredNorm,
      Object.fromEntries(gradientsOf(gradients).map(({ name, gradient }) => [name, gradient])),
    )

  return {
    squaredNorm,

    step(gradients, lr, known) {
      return tidy(() => {
        const norm = known ?? Math.sqrt(squaredNorm(gradients).dataSync()[0])
        if (!Number.isFinite(norm) || norm < minGradientNorm) return norm
        step++
        for (const { name, variable, gradient } of gradientsOf(gradients)) {
          const held = heldMoments(name)
          const [parameter, ...updated] = rule.update(variable, gradient, held, lr, step)
          variable.assign(parameter)
          dispose(held)
          moments.set(name, updated.map(keep))
        }
        return norm
      })
    },

    async state() {
      const state: Record<string, { shape: number[]; data: Float32Array }> = {
        [stepKey]: { shape: [1], data: Float32Array.of(step) },
      }
      for (const name of variables.keys()) {
        for (const [i, key] of momentKeys(name).entries()) {
          const moment = heldMoments(name)[i]
          // A copy: the cpu engine hands out the live array.
          state[key] = { shape: [...moment.shape], data: (await moment.data<'float32'>()).slice() }
        }
      }
      return state
    },

    restore(state) {
      const refuse = (what: string): AppError =>
        new AppError('corrupt', `The optimizer's state does not fit: ${what}.`, {
          hint: 'Start this training again from the beginning.',
        })
      const keys = [stepKey, ...[...variables.keys()].flatMap(momentKeys)]
      const missing = keys.find((key) => !Object.hasOwn(state, key))
      if (missing !== undefined) throw refuse(`"${missing}" is missing`)
      const unknown = Object.keys(state).find((key) => !keys.includes(key))
      if (unknown !== undefined) throw refuse(`"${unknown}" is unknown`)
      for (const [name, variable] of variables) {
        for (const key of momentKeys(name)) {
          const { shape, data } = state[key]
          if (shape.join() !== variable.shape.join() || data.length !== variable.size) {
            throw refuse(`"${key}" has shape [${shape.join(', ')}] instead of [${variable.shape.join(', ')}]`)
          }
        }
      }
      const [restored] = state[stepKey].data
      if (!Number.isInteger(restored) || restored < 0) throw refuse(`${restored} is no number of steps`)
      step = restored
      tidy(() => {
        for (const [name, variable] of variables) {
          dispose(heldMoments(name))
          moments.set(
            name,
            momentKeys(name).map((key) => keep(tensor(state[key].data.slice(), variable.shape))),
          )
        }
      })
    },

    dispose() {
      for (const held of moments.values()) dispose(held)
      moments.clear()
    },
  }
}
