/**
 * `npm run test:corners [-- ENGINE]`: every method and every attack on data of 1 and 3 channels, 2 to 100 classes, with
 * one image to forget up to half of a class. Ends with 1 when anything fails, or any number shown is none.
 */
import { type EngineId, engineIds } from '#shared/domain/engine.ts'
import { corners, runCorner } from '#test/support/corner-study.ts'

const engine: EngineId = engineIds.find((id) => id === process.argv[2]) ?? 'wasm'
let missed = false
for (const corner of corners) {
  const started = performance.now()
  const { result, failed, wrong, reasons } = await runCorner(corner, engine)
  const seconds = Math.round((performance.now() - started) / 1000)
  const state = failed.length + wrong.length === 0 ? 'ok' : 'MISSED'
  console.log(`${state.padEnd(7)} ${corner.name}: ${result.runs.length} runs, ${seconds} s on ${engine}`)
  for (const line of [...failed, ...wrong.slice(0, 20)]) console.log(`        ${line}`)
  for (const reason of reasons) console.log(`        can't be had: ${reason}`)
  missed ||= state !== 'ok'
}
process.exitCode = missed ? 1 : 0
