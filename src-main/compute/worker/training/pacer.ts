/** Progress goes out a few times a second: more would be work for nobody. */
const intervalMs = 200

/** Says when the next progress report is due. */
export class Pacer {
  #last = performance.now()

  due(): boolean {
    const now = performance.now()
    if (now - this.#last < intervalMs) return false
    this.#last = now
    return true
  }
}
