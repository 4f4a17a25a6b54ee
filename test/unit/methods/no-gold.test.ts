import { describe, expect, it } from 'vitest'
import type { MethodNeeds } from '#main/compute/method.ts'
import { methodIds, methods } from '#main/compute/methods.ts'
import type { StageSpec, UnlearnInput } from '#main/compute/stages.ts'
import type { RunnerContext } from '#main/compute/worker/stage-runner.ts'
import { declaredInputs, unlearnStage, weightsReader } from '#main/compute/worker/tmu/unlearn-stage.ts'
import type { UnlearnContext } from '#main/compute/worker/training/types.ts'
import type { ObjectHash, StageKey } from '#shared/ids.ts'

/** Compiles only while no name among these speaks of a gold. */
type NamesOfGolds = Extract<UnlearnInput | keyof UnlearnContext | keyof MethodNeeds, `${string}gold${string}`>
const noneOfThem: NamesOfGolds extends never ? true : false = true

/** Never called: the compiler is what tests it. */
export function askingForAGold(context: UnlearnContext): void {
  // @ts-expect-error a gold is no input of a method
  context.weights('gold0')
  // @ts-expect-error nor part of its context
  void context.gold
  // @ts-expect-error nor something that it can say it needs
  const needs: MethodNeeds = { gold: true }
  // @ts-expect-error unseen samples are the twin pool's, and nobody chooses them
  const samples: MethodNeeds = { twinSamples: 'evaluation' }
  // @ts-expect-error a network is new, and never a stored one
  void context.createNetwork({ weights: 'gold0' })
  // @ts-expect-error nor is there a store to read one from
  void context.objects
  void [needs, samples]
}

const anObject = '0'.repeat(64) as ObjectHash

function specWith(method: string, inputs: readonly string[]): StageSpec<'unlearn'> {
  return {
    key: 'k' as StageKey,
    kind: 'unlearn',
    version: 1,
    params: {
      data: { height: 28, width: 28, channels: 1, classCount: 10, normalisation: { mean: [0.3], std: [0.3] } },
      architecture: 'tiny-cnn',
      recipe: {
        epochs: 1,
        batchSize: 64,
        optimizer: 'adam',
        lr: 1e-3,
        schedule: 'cosine',
        momentum: 0,
        weightDecay: 0,
      },
      method,
      options: {},
    },
    seed: 1,
    engine: 'cpu',
    inputs: Object.fromEntries(inputs.map((name) => [name, anObject])),
    checkpoint: null,
  }
}

/** A context in which touching anything at all is a fault: what is refused must be refused before. */
const untouchable = new Proxy({} as RunnerContext, {
  get(_, name) {
    throw new Error(`the stage touched ${String(name)}`)
  },
})

describe('a method', () => {
  it('has no word for a gold', () => {
    expect(noneOfThem).toBe(true)
    for (const method of methods.values()) {
      expect(declaredInputs(method.needs({})).filter((name) => name.includes('gold'))).toEqual([])
    }
  })

  it.each(methodIds.filter((id) => methods.get(id)?.run !== null))(
    '%s is refused a gold before it has read anything',
    async (id) => {
      const declared = declaredInputs(methods.get(id)?.needs({}) ?? {})
      const spec = specWith(id, ['images', 'labels', ...declared, 'gold0'])
      await expect(unlearnStage(spec, untouchable).next()).rejects.toThrow(
        `The method ${id} has not declared the input "gold0".`,
      )
    },
  )

  it('that asks for a gold while it runs is refused it', () => {
    const weights = weightsReader('rewind', new Map([['original', {}]]))
    expect(weights('original')).toEqual({})
    for (const name of ['gold0', 'gold', 'epoch-2', 'twinModel']) {
      expect(() => weights(name as UnlearnInput)).toThrow(`The method rewind asked for "${name}"`)
    }
  })

  it('is refused a checkpoint that it has not declared', async () => {
    const spec = specWith('rewind', ['images', 'labels', 'forget', 'retain', 'original', 'epoch-4', 'epoch-9'])
    await expect(unlearnStage(spec, untouchable).next()).rejects.toThrow('has not declared the input "epoch-9"')
  })

  it('without a stage of its own is no unlearn stage', async () => {
    await expect(unlearnStage(specWith('gold', []), untouchable).next()).rejects.toThrow('gold trains nothing')
  })
})
