/** What this workspace's finished stages teach about the next ones: seconds and memory. */
import { usualWorkerMemory } from '#main/compute/pool/machine.ts'
import type { StageNode } from '#main/compute/stages.ts'
import type { StageCost } from '#shared/domain/stage.ts'
import { cautiousSeconds, type Visits } from './estimate.ts'

type Measurable = Pick<StageNode, 'kind' | 'engine' | 'params'>

interface Measured {
  actual: number
  cautious: number
  peakMemory: number
}

/** Room for what differs between two stages of one kind and size. */
const memoryReserve = 1.15

/**
 * Learned per kind, engine and size (network, shape of the images, and the method of an unlearning): total seconds over
 * the total of the cautious estimates, so that long stages count more, and the highest memory. What was never measured
 * goes by the closest that was: the same kind at another size, then anything on the engine.
 */
export class Experience {
  readonly #measured = new Map<string, Measured>()

  learn(stage: Measurable, cost: StageCost): void {
    const cautious = cautiousSeconds(stage, cost)
    for (const name of likenesses(stage)) {
      const known = this.#measured.get(name) ?? { actual: 0, cautious: 0, peakMemory: 0 }
      this.#measured.set(name, {
        actual: known.actual + cost.seconds,
        cautious: known.cautious + cautious,
        peakMemory: Math.max(known.peakMemory, cost.peakMemory),
      })
    }
  }

  /** Estimated seconds. */
  seconds(stage: Measurable, visits: Visits): number {
    const cautious = cautiousSeconds(stage, visits)
    const known = this.#closest(stage)
    return known === null || known.cautious === 0 ? cautious : cautious * (known.actual / known.cautious)
  }

  /** Bytes that a worker will take for it. */
  memory(stage: Measurable): number {
    const [own, ...others] = likenesses(stage)
    const exact = this.#measured.get(own)
    const usual = usualWorkerMemory(stage.engine)
    if (exact !== undefined) {
      const measured = exact.peakMemory * memoryReserve
      // A page measures its scripts' heap alone, without arrays' buffers and the other processes of its browser.
      return stage.engine === 'webgpu' ? Math.max(measured, usual) : measured
    }
    // Of another size or kind: no less than a worker usually takes.
    const like = Math.max(0, ...others.map((name) => this.#measured.get(name)?.peakMemory ?? 0))
    return Math.max(like * memoryReserve, usual)
  }

  /** Whether any stage was ever measured on this engine. */
  knows(engine: StageNode['engine']): boolean {
    return this.#measured.has(engine)
  }

  #closest(stage: Measurable): Measured | null {
    for (const name of likenesses(stage)) {
      const known = this.#measured.get(name)
      if (known !== undefined) return known
    }
    return null
  }
}

/** From the stage's very like to anything on its engine. */
function likenesses({ kind, engine, params }: Measurable): readonly [string, ...string[]] {
  const { architecture, data, method, recipe } = params as {
    readonly architecture?: string
    readonly data?: { readonly height: number; readonly width: number; readonly channels: number }
    readonly method?: string
    readonly recipe?: { readonly batchSize: number }
  }
  const general = [`${engine} ${kind}`, engine]
  const own =
    data === undefined ? '' : `${architecture} ${data.height}x${data.width}x${data.channels} ${recipe?.batchSize ?? ''}`
  return method === undefined
    ? [`${engine} ${kind} ${own}`, ...general]
    : [`${engine} ${kind} ${own} ${method}`, `${engine} ${kind} ${own}`, ...general]
}
