/** A worker whose engine takes no time: `TMU_TEST_STUCK` says whether it never starts or never answers. */
import type { FromWorker, ToWorker } from '#main/compute/protocol.ts'

const send = (message: FromWorker): void => void process.send?.(message)
const stuck = process.env['TMU_TEST_STUCK']

process.on('message', (message: ToWorker) => {
  if (message.type !== 'time-steps' || stuck === 'in a round') return
  const milliseconds = Array.from({ length: message.count }, (_, i) => i + 1)
  send({ type: 'step-times', id: message.id, milliseconds, error: null })
})
if (stuck !== 'at start') send({ type: 'ready', pid: process.pid })
