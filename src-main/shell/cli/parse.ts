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

export function parseList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

/** `key=value`; numbers and booleans are recognised, the rest is text. */
export function parseSettings(pairs: readonly string[]): Record<string, number | string | boolean> {
  const settings: Record<string, number | string | boolean> = {}
  for (const pair of pairs) {
    const at = pair.indexOf('=')
    if (!/^[a-z][^=]*=/i.test(pair))
      throw new AppError('bad-input', `--set needs key=value, not "${pair}".`, { hint: 'For example --set epochs=10.' })
    settings[pair.slice(0, at)] = parseValue(pair.slice(at + 1))
  }
  return settings
}

export function parseValue(text: string): number | string | boolean {
  const number = Number(text)
  if (text.trim() !== '' && Number.isFinite(number)) return number
  return text === 'true' ? true : text === 'false' ? false : text
}
