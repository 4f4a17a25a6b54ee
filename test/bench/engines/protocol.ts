/** What the benchmark and a contender say to each other, also the one in Python (pytorch/step.py). */
export interface Request {
  readonly network: string
  readonly mode: 'step' | 'forward'
  readonly count: number
}

/** A contender's first line. */
export type Hello =
  | { readonly ready: true; readonly description: string }
  | { readonly ready: false; readonly reason: string }

export interface Answer {
  /** Milliseconds of each run. */
  readonly times: readonly number[]
  /** Milliseconds of processor time of each run: what is left of `times` on a machine that does something else as well. */
  readonly processor: readonly number[]
  /** The loss of each training step, or the first logit of each prediction. */
  readonly results: readonly number[]
}

export interface Contestant {
  /** Version and device, in words. */
  readonly description: string
  /** A training step on the network's next batch, each time it is called. Returns the loss. */
  step(network: string): () => number
  /** A prediction, as `step`. Returns the first logit. */
  forward(network: string): () => number
}
