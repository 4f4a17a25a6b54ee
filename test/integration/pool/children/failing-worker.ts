/** A worker that speaks the protocol and dies in the way that the stage's key says, as real ones do. */
import type { FromWorker, ToWorker } from '#main/compute/protocol.ts'

const send = (message: FromWorker): void => void process.send?.(message)

process.on('message', (message: ToWorker) => {
  if (message.type !== 'run') return
  const { key, engine } = message.spec
  send({ type: 'progress', key, progress: { kind: 'progress', value: 0.5 } })
  setTimeout(() => {
    if (key.startsWith('abort')) process.abort()
    if (key.startsWith('segv')) process.kill(process.pid, 'SIGSEGV')
    if (key.startsWith('heap')) exhaustHeap()
    if (key.startsWith('exit')) process.exit(3)
    const cost = { seconds: 0, visitsForward: 0, visitsBackward: 0, engine, peakMemory: 1 }
    send({ type: 'done', key, result: { outputs: {}, cost } })
  }, 50)
})
send({ type: 'ready', pid: process.pid })

function exhaustHeap(): never {
  const hold: unknown[] = []
  for (;;) hold.push(Array.from({ length: 10_000 }, (_, i) => ({ i })))
}
