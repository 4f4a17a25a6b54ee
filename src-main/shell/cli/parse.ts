import { AppError } from '#shared/errors.ts'

export function parseNumber(text: string, name: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value))
    throw new AppError('bad-input', `${name} must be a number, not "${text}".`)
  return value
}

export function parseInteger(text: string, name: string): number {
  const value = parseNumber(text, name)
  if (!Number.isSafeInteger(value)) throw new AppError('bad-input', `${name} must be a whole number, not "${text}".`)
  return value
}
