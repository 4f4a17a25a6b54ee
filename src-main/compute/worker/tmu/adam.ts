/** Adam (Kingma and Ba 2015) in float64, for the small problems that are solved without an engine. */
const beta1 = 0.9
const beta2 = 0.999
const epsilon = 1e-8

export class Adam {
  readonly #lr: number
  readonly #first: Float64Array
  readonly #second: Float64Array
  #step = 0

  constructor(size: number, lr: number) {
    this.#lr = lr
    this.#first = new Float64Array(size)
    this.#second = new Float64Array(size)
  }

  /** Changes `parameters` in place. */
  update(parameters: Float64Array, gradient: Float64Array): void {
    this.#step++
    const first = this.#first
    const second = this.#second
    const correction1 = 1 - beta1 ** this.#step
    const correction2 = 1 - beta2 ** this.#step
    for (let i = 0; i < parameters.length; i++) {
      const g = gradient[i]
      first[i] = beta1 * first[i] + (1 - beta1) * g
      second[i] = beta2 * second[i] + (1 - beta2) * g * g
      parameters[i] -= (this.#lr * (first[i] / correction1)) / (Math.sqrt(second[i] / correction2) + epsilon)
    }
  }
}
