/**
 * Where stdout or stderr can't be written any more, the command goes on. A reader that has seen enough (`| head -1`)
 * or a closed terminal changes nothing about the work and its exit code; any other failure, like a full disk behind
 * `> FILE`, is said and makes the exit code 1.
 */
export function surviveClosedStreams(): void {
  process.stderr.on('error', () => {})
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || error.code === 'EIO') return
    process.stderr.write(`error: The result could not be written (${error.code ?? error.message}).\n`)
    process.once('exit', () => {
      if (process.exitCode === 0 || process.exitCode === undefined) process.exitCode = 1
    })
  })
}
