/**
 * Lets commits happen one after the other: what one of them takes back when it fails can't be what another has just
 * found to be there already.
 */
export class CommitLock {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => {})
    return result
  }
}
