/** Runs a study in a process of its own, to be killed; says what happens over its channel. */
import { openBench } from '../tiny-study.ts'

const [root, study] = process.argv.slice(2)
const bench = await openBench(root)
await bench.api.studies.run({ study })
for await (const event of bench.api.studies.watch({ study })) process.send?.(event)
await bench.close()
process.disconnect()
