/**
 * Preloaded into a command: it stops (SIGSTOP) as soon as its stderr has said TMU_TEST_STOP_AT, in the middle of whatever
 * it does then, and can be killed right there. A signal from outside comes when the machine has time for it.
 */
const text = process.env['TMU_TEST_STOP_AT']
const write = process.stderr.write.bind(process.stderr) as (...given: unknown[]) => boolean

process.stderr.write = (...given: unknown[]): boolean => {
  // Synchronous, as stderr is a pipe: it has been said when this returns.
  const more = write(...given)
  if (text !== undefined && String(given[0]).includes(text)) process.kill(process.pid, 'SIGSTOP')
  return more
}
