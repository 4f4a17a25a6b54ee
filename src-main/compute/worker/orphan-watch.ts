const everyMs = 1_000

/**
 * Calls `onOrphaned` when the process that started this one has gone, for the case that its channel doesn't close:
 * a forgotten worker would go on to use a core and write into the store.
 */
export function watchForParentsDeath(onOrphaned: () => void): void {
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent && isAlive(parent)) return
    clearInterval(timer)
    onOrphaned()
  }, everyMs)
  timer.unref()
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
