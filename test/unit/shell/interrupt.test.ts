import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createInterrupt } from '#main/shell/cli/interrupt.ts'

afterEach(() => void vi.restoreAllMocks())

/** What a signal would call, without the other listeners of the process that runs the tests. */
function interrupted(graceMs = 60_000) {
  const before = process.listeners('SIGTERM')
  const exit = vi.spyOn(process, 'exit').mockReturnValue(undefined as never)
  const interrupt = createInterrupt(graceMs)
  const [signalled] = process.listeners('SIGTERM').filter((listener) => !before.includes(listener))
  return { before, exit, interrupt, signalled: () => signalled('SIGTERM') }
}

describe('an interrupt', () => {
  it('asks for a clean end first; a second one ends the process', async () => {
    const { exit, interrupt, signalled } = interrupted()
    signalled()
    expect(interrupt.signal.reason).toMatchObject({ code: 'cancelled' })
    expect(exit).not.toHaveBeenCalled()
    await wait(400)
    signalled()
    expect(exit).toHaveBeenCalledWith(130)
    interrupt.dispose()
  })

  it('that comes twice at once, to the process group and from a wrapper in it, counts once', () => {
    const { exit, interrupt, signalled } = interrupted()
    signalled()
    signalled()
    expect(exit).not.toHaveBeenCalled()
    interrupt.dispose()
  })

  it('ends nothing any more when the command is done, and leaves no listener', async () => {
    const { before, exit, interrupt, signalled } = interrupted(50)
    signalled()
    interrupt.dispose()
    await wait(200)
    expect(exit).not.toHaveBeenCalled()
    expect(process.listeners('SIGTERM')).toEqual(before)
  })
})
