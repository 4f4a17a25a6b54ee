/**
 * Runs a study in a process of its own, to be killed; says what happens over its channel. With `hold` it makes the
 * study urgent and pauses it and everything once it trains, says so and waits. With a number it kills its whole process
 * group when the original has come to that epoch: no signal from outside would be sure to come before the end.
 */
import { openBench, waitForEvent } from '../tiny-study.ts'

const [root, study, end = 'none'] = process.argv.slice(2)
const bench = await openBench(root)
await bench.api.studies.run({ study })
if (end === 'hold') {
  await waitForEvent(bench, study, (event) => event.kind === 'curve')
  await bench.api.queue.prioritise({ study, priority: 'high' })
  await bench.api.queue.pause({ study })
  process.send?.(await bench.api.queue.pause({}))
  setInterval(() => {}, 60_000)
} else if (end !== 'none') {
  let original = ''
  await waitForEvent(bench, study, (event) => {
    if (event.kind === 'stage' && event.stage.kind === 'train-original') original = event.stage.key
    return event.kind === 'curve' && event.key === original && event.point.epoch >= Number(end)
  })
  process.kill(-process.pid, 'SIGKILL')
} else {
  for await (const event of bench.api.studies.watch({ study })) process.send?.(event)
  await bench.close()
  process.disconnect()
}
