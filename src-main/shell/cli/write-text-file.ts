import { writeFile } from 'node:fs/promises'
import { AppError } from '#shared/errors.ts'

/** @throws AppError `bad-input` naming the path. */
export async function writeTextFile(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text)
  } catch (error) {
    throw new AppError('bad-input', `"${path}" can't be written.`, {
      hint: 'Name a file in a folder that is there.',
      cause: error,
    })
  }
}
