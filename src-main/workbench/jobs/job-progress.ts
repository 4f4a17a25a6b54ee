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
  /** Those of them that ever began: the others are many, and nothing of them is done. */
  readonly #begun = new Set<Tracked>()
  /** Seconds of all that is open. */
  #openSeconds = 0
  /** Open or not, the longest chain last; sorted when it is asked for. */
  #byRank: Tracked[] = []
  #isSorted = true
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
      const tracked: Tracked = { ...stage, value: 0, startedAt: null, first: null }
      this.#open.set(stage.key, tracked)
      this.#byRank.push(tracked)
      this.#isSorted = false
      this.#openSeconds += stage.seconds
      this.#total += stage.seconds
    }
  }

  start(key: StageKey, now: number): void {
    const stage = this.#open.get(key)
    if (stage === undefined) return
    stage.startedAt = now
    this.#begun.add(stage)
  }

  update(key: StageKey, value: number, now: number): void {
    const stage = this.#open.get(key)
    if (stage === undefined) return
    this.#begun.add(stage)
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
    this.#close(stage)
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
    this.#close(stage)
    this.#done += stage.seconds
    if (seconds === null) return
    this.#actual += seconds
    this.#estimated += stage.seconds
  }

  counts(): { readonly running: number; readonly waiting: number } {
    const running = [...this.#begun].filter((stage) => stage.startedAt !== null).length
    return { running, waiting: this.#open.size - running }
  }

  /** 0..1. */
  value(): number {
    if (this.#frozen) return this.#value
    if (this.#open.size === 0 && !this.#curtailed) this.#value = 1
    else {
      let done = this.#done
      for (const stage of this.#begun) done += stage.seconds * stage.value
      const value = this.#total <= 0 ? 0 : done / this.#total
      this.#value = Math.max(this.#value, Math.min(value, 0.999))
    }
    return this.#value
  }

  /** Bound by the workers' total work and by the longest chain of stages that wait for one another. */
  etaSeconds(now: number): number {
    let work = this.#openSeconds
    let chain = this.#longestWaiting()
    let actual = this.#actual
    let estimated = this.#estimated
    for (const { seconds, rank, value, first } of this.#begun) {
      const done = seconds * value
      work -= done
      chain = Math.max(chain, rank - done)
      if (first === null) continue
      actual += (now - first.at) / 1000
      estimated += seconds * (value - first.value)
    }
    const correction = estimated < 0.5 ? 1 : Math.min(mostCorrection, Math.max(1 / mostCorrection, actual / estimated))
    return correction * Math.max(work / this.#capacity, chain)
  }

  #close(stage: Tracked): void {
    this.#open.delete(stage.key)
    this.#begun.delete(stage)
    // Sums of many roundings must not leave a rest of nothing.
    this.#openSeconds = this.#open.size === 0 ? 0 : this.#openSeconds - stage.seconds
  }

  /** Longest chain from a stage that hasn't begun. */
  #longestWaiting(): number {
    if (!this.#isSorted) {
      this.#byRank = [...this.#open.values()].sort((a, b) => a.rank - b.rank)
      this.#isSorted = true
    }
    // What was passed over here never waits again.
    for (;;) {
      const longest = this.#byRank.at(-1)
      if (longest === undefined) return 0
      if (this.#open.get(longest.key) === longest && !this.#begun.has(longest)) return longest.rank
      this.#byRank.pop()
    }
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
