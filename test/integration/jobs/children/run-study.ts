/**
 * Runs a study in a process of its own, to be killed; says what happens over its channel. With `hold` it makes the
 * study urgent and pauses it and everything once it trains, says so and waits.
 */
import { openBench, waitForEvent } from '../tiny-study.ts'

const [root, study, hold] = process.argv.slice(2)
const bench = await openBench(root)
await bench.api.studies.run({ study })
if (hold === 'hold') {
  await waitForEvent(bench, study, (event) => event.kind === 'curve')
  await bench.api.queue.prioritise({ study, priority: 'high' })
  await bench.api.queue.pause({ study })
  process.send?.(await bench.api.queue.pause({}))
  setInterval(() => {}, 60_000)
} else {
  for await (const event of bench.api.studies.watch({ study })) process.send?.(event)
  await bench.close()
  process.disconnect()
}
