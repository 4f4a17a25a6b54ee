import type { StageKey } from '#shared/ids.ts'

export interface ProgressStage {
  readonly key: StageKey
  /** Estimated seconds of the stage alone. */
  readonly seconds: number
  /** Estimated seconds from its start to the end of the longest chain behind it. */
  readonly rank: number
}

interface Tracked extends ProgressStage {
  value: number
  startedAt: number | null
  /** The first that it told: a resumed stage begins in the middle, which says nothing of its pace. */
  first: { readonly value: number; readonly at: number } | null
}

/** No estimate is trusted to be off by more than this. */
const mostCorrection = 20

/**
 * How far a job is and how long it will take. Stages weigh what they were estimated to take when they were added, and
 * the fraction never goes back; the time left is corrected by how long stages really took so far.
 */
export class JobProgress {
  readonly #open = new Map<StageKey, Tracked>()
  readonly #capacity: number
  #total = 0
  #done = 0
  #actual = 0
  #estimated = 0
  #value = 0
  /** Stages were given up: there is no 100 % any more. */
  #curtailed = false
  #frozen = false

  constructor(capacity: number) {
    this.#capacity = Math.max(1, capacity)
  }

  /** More to do. What is tracked already stays as it is. */
  add(stages: readonly ProgressStage[]): void {
    for (const stage of stages) {
      if (this.#open.has(stage.key)) continue
      this.#open.set(stage.key, { ...stage, value: 0, startedAt: null, first: null })
      this.#total += stage.seconds
    }
  }

  start(key: StageKey, now: number): void {
    const stage = this.#open.get(key)
    if (stage !== undefined) stage.startedAt = now
  }

  update(key: StageKey, value: number, now: number): void {
    const stage = this.#open.get(key)
    if (stage === undefined) return
    stage.value = Math.min(1, Math.max(stage.value, value))
    stage.first ??= { value: stage.value, at: now }
  }

  /** It stopped for a while: what it tells when it goes on says nothing of the time between. */
  putOff(key: StageKey): void {
    const stage = this.#open.get(key)
    if (stage === undefined) return
    stage.startedAt = null
    stage.first = null
  }

  /** It failed, or nobody needs it any more: what is left to do is less, and nothing more of it is done. */
  giveUp(key: StageKey): void {
    const stage = this.#open.get(key)
    if (stage === undefined) return
    this.#open.delete(key)
    this.#total -= stage.seconds
    this.#curtailed = true
  }

  /** The whole job ends here: it is as far as it got. */
  freeze(): void {
    this.value()
    this.#frozen = true
  }

  /** `seconds`: what it took; null where it wasn't computed here. */
  end(key: StageKey, seconds: number | null): void {
    const stage = this.#open.get(key)
    if (stage === undefined) return
    this.#open.delete(key)
    this.#done += stage.seconds
    if (seconds === null) return
    this.#actual += seconds
    this.#estimated += stage.seconds
  }

  counts(): { readonly running: number; readonly waiting: number } {
    const running = [...this.#open.values()].filter((stage) => stage.startedAt !== null).length
    return { running, waiting: this.#open.size - running }
  }

  /** 0..1. */
  value(): number {
    if (this.#frozen) return this.#value
    if (this.#open.size === 0 && !this.#curtailed) this.#value = 1
    else {
      let done = this.#done
      for (const stage of this.#open.values()) done += stage.seconds * stage.value
      const value = this.#total <= 0 ? 0 : done / this.#total
      this.#value = Math.max(this.#value, Math.min(value, 0.999))
    }
    return this.#value
  }

  /** Bound by the workers' total work and by the longest chain of stages that wait for one another. */
  etaSeconds(now: number): number {
    let work = 0
    let chain = 0
    let actual = this.#actual
    let estimated = this.#estimated
    for (const { seconds, rank, value, first } of this.#open.values()) {
      const done = seconds * value
      work += seconds - done
      chain = Math.max(chain, rank - done)
      if (first === null) continue
      actual += (now - first.at) / 1000
      estimated += seconds * (value - first.value)
    }
    const correction = estimated < 0.5 ? 1 : Math.min(mostCorrection, Math.max(1 / mostCorrection, actual / estimated))
    return correction * Math.max(work / this.#capacity, chain)
  }

  /** Seconds that one stage still needs; null before it began. */
  stageEtaSeconds(key: StageKey, now: number): number | null {
    const stage = this.#open.get(key)
    if (stage === undefined || stage.startedAt === null) return null
    const { first, value } = stage
    const left = stage.seconds * (1 - value)
    // Its own pace says more than any estimate, once there is some of it.
    if (first === null || value - first.value < 0.05)
      return Math.max(0, left - (now - (first?.at ?? stage.startedAt)) / 1000)
    return ((now - first.at) / 1000 / (value - first.value)) * (1 - value)
  }
}

/** Longest chain in seconds from the start of each stage; stages come after all that they read. */
export function ranksOf(
  stages: readonly { readonly key: StageKey; readonly dependsOn: readonly StageKey[]; readonly seconds: number }[],
): ReadonlyMap<StageKey, number> {
  const behind = new Map<StageKey, number>()
  const ranks = new Map<StageKey, number>()
  for (let i = stages.length - 1; i >= 0; i--) {
    const { key, dependsOn, seconds } = stages[i]
    const rank = seconds + (behind.get(key) ?? 0)
    ranks.set(key, rank)
    for (const dependency of dependsOn) behind.set(dependency, Math.max(behind.get(dependency) ?? 0, rank))
  }
  return ranks
}
