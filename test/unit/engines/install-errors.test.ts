import { constants } from 'node:os'
import { describe, expect, test } from 'vitest'
import { asInstallError } from '#main/compute/engine-install/install-errors.ts'
import { AppError } from '#shared/errors.ts'

const folder = '/data/engines/native-2.21'
const systemError = (code: keyof typeof constants.errno, more: { path?: string; syscall?: string } = {}): Error =>
  Object.assign(new Error(`${code}: …`), { code, errno: -constants.errno[code], syscall: 'open', ...more })

describe.skipIf(process.platform === 'win32')('what the system refuses an installation', () => {
  test('is said in a sentence with the folder and the cause, whatever it is', () => {
    for (const code of Object.keys(constants.errno) as (keyof typeof constants.errno)[]) {
      const error = asInstallError(systemError(code), folder)
      expect(error.code, code).not.toBe('internal')
      expect(error.message, code).toMatch(/^The (disk of|folder of the engine,) "\/data\/engines\/native-2\.21".*\.$/)
      expect(error.hint, code).toMatch(/nothing was changed\.$/)
    }
  })

  test('names the file that it is about, and a path elsewhere by itself', () => {
    const path = `${folder}/build-a/library.so`
    expect(asInstallError(systemError('EIO', { path }), folder).message).toBe(
      `The folder of the engine, "${folder}", can’t be used: its disk reports an error ("${path}").`,
    )
    expect(asInstallError(systemError('ENOTDIR', { path: '/data/engines' }), folder).message).toContain(`"${folder}"`)
    expect(asInstallError(systemError('EACCES', { path: '/media/archive.whl' }), folder)).toMatchObject({
      message: '"/media/archive.whl" can’t be used: access to it was refused.',
      hint: expect.not.stringContaining('TMU_ENGINES'),
    })
    expect(asInstallError(systemError('ENETDOWN'), folder).message).toMatch(/network is down \(ENETDOWN\)\.$/)
  })

  test('is nothing else: a fault of the program stays one', () => {
    expect(asInstallError(new TypeError('x is not a function'), folder).code).toBe('internal')
    const known = new AppError('corrupt', 'The checksum differs.')
    expect(asInstallError(known, folder)).toBe(known)
  })
})
