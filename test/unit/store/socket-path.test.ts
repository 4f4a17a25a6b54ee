import { describe, expect, it } from 'vitest'
import { socketPath } from '#main/store/socket-path.ts'

describe.skipIf(process.platform === 'win32')('socketPath', () => {
  it('lies in the workspace where that fits', () => {
    expect(socketPath('/data/work')).toBe('/data/work/holder.sock')
  })

  it('never exceeds what a socket address holds, counted in bytes', () => {
    // 12 characters of three bytes each a level: far fewer characters than bytes.
    for (let depth = 1; depth < 12; depth++) {
      const path = socketPath(`/home/${'研究室の作業フォルダ/'.repeat(depth)}`, '/tmp')
      expect(Buffer.byteLength(path)).toBeLessThanOrEqual(103)
    }
  })

  it('falls back to a path of its own for each workspace that is too deep', () => {
    const deep = `/${'folder/'.repeat(20)}`
    const [a, b] = [socketPath(`${deep}a`, '/tmp'), socketPath(`${deep}b`, '/tmp')]
    expect(a).toMatch(/^\/tmp\/tmu-[0-9a-f]{20}\.sock$/)
    expect(a).not.toBe(b)
    expect(socketPath(`${deep}a/../a`, '/tmp')).toBe(a)
  })

  it('does without a temporary folder that is too deep itself', () => {
    expect(socketPath(`/${'folder/'.repeat(20)}`, `/${'folder/'.repeat(20)}`)).toMatch(/^\/tmp\/tmu-/)
  })
})
