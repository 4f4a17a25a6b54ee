import { expect, it } from 'vitest'
import { signalOfCode } from '#main/compute/pool/signal-of-code.ts'

it.each([
  [9, 'SIGKILL'],
  [137, 'SIGKILL'],
  [11, 'SIGSEGV'],
  [139, 'SIGSEGV'],
  [134, 'SIGABRT'],
  [132, 'SIGILL'],
  [0, null],
  [1, null],
  [256, null],
])('the exit code %i stands for the signal %s', (code, signal) => {
  expect(signalOfCode(code, 'linux')).toBe(signal)
})

it('Windows has codes of its own, whichever sign they come with', () => {
  expect(signalOfCode(0xc0000005, 'win32')).toBe('SIGSEGV')
  expect(signalOfCode(0xc0000005 | 0, 'win32')).toBe('SIGSEGV')
  expect(signalOfCode(9, 'win32')).toBeNull()
})
