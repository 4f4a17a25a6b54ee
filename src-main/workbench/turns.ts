/**
 * Long work in the main process is cut into turns of the event loop, so that windows, streams and workers never wait
 * longer than one of them, however much there is to do:
 *
 *     for (const item of items) {
 *       …
 *       if (isTurnOver()) await nextTurn()
 *     }
 */

/** A fifth of what anybody may notice: steps that can't be cut come on top. */
const longestTurnMs = 10

let began = 0

/** Whether this turn of the event loop has been worked through: time to give the others theirs. */
export function isTurnOver(): boolean {
  return performance.now() - began > longestTurnMs
}

/** Resolves in another turn, after everybody else's. */
export async function nextTurn(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve))
  began = performance.now()
}

/** Each item's work, in turns. */
export async function eachInTurns<T>(items: Iterable<T>, work: (item: T) => void): Promise<void> {
  for (const item of items) {
    work(item)
    if (isTurnOver()) await nextTurn()
  }
}

/** As `map`, in turns. */
export async function mapInTurns<T, U>(items: Iterable<T>, map: (item: T) => U): Promise<readonly U[]> {
  const results: U[] = []
  await eachInTurns(items, (item) => results.push(map(item)))
  return results
}

/** Runs steps to their end, in turns. */
export async function stepsInTurns<T>(steps: Generator<void, T, void>): Promise<T> {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
    if (isTurnOver()) await nextTurn()
  }
}
