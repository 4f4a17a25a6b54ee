/**
 * One contender of the engine benchmark, in a process of its own with the environment of a worker. Reads requests as lines
 * of JSON from stdin and answers each with a line: see protocol.ts.
 *
 *   node test/bench/engines/contender.ts ours ENGINE | stock
 */
import { createInterface } from 'node:readline'
import { AppError } from '#shared/errors.ts'
import type { Answer, Contestant, Hello, Request } from './protocol.ts'

const [kind, id] = process.argv.slice(2)

function write(line: Hello | Answer): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

async function load(): Promise<Contestant> {
  if (kind === 'stock') return (await import('./stock.ts')).stockContestant()
  return (await import('./ours.ts')).ourContestant(id)
}

try {
  const contestant = await load()
  write({ ready: true, description: contestant.description })
  for await (const line of createInterface({ input: process.stdin })) {
    const { network, mode, count } = JSON.parse(line) as Request
    const run = mode === 'step' ? contestant.step(network) : contestant.forward(network)
    const times: number[] = []
    const processor: number[] = []
    const results: number[] = []
    for (let i = 0; i < count; i++) {
      const before = process.cpuUsage()
      const start = performance.now()
      results.push(run())
      times.push(performance.now() - start)
      const { user, system } = process.cpuUsage(before)
      processor.push((user + system) / 1000)
    }
    write({ times, processor, results })
  }
} catch (error) {
  write({ ready: false, reason: AppError.from(error).message })
}
