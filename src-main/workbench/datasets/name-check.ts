import { quoted } from '#main/formats/text.ts'
import { newName } from '#shared/contract/inputs.ts'
import { AppError } from '#shared/errors.ts'

/** A name for something new: what every shell accepts. @throws AppError `bad-input`. */
export function checkName(kind: string, name: string): string {
  const parsed = newName.safeParse(name)
  if (parsed.success) return parsed.data
  throw new AppError('bad-input', `${quoted(name)} can't be the name of a ${kind}.`, {
    hint: 'Use one line of 1 to 120 characters without slashes.',
  })
}

export function nameTaken(kind: string, name: string): AppError {
  return new AppError('already-exists', `There is already a ${kind} named ${quoted(name)}.`, {
    hint: 'Choose another name with --name, or use the one that is there.',
  })
}
