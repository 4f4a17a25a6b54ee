/**
 * Text from outside (a file's name, an array's name) as it may stand in a message: in quotes, without the control and
 * direction characters that would steer a terminal, and cut in the middle where it is too long to be read.
 */
export function quoted(text: string, maxLength = 80): string {
  const half = Math.floor(maxLength / 2)
  const short = text.length > maxLength ? `${text.slice(0, half)}…${text.slice(-half)}` : text
  return `"${short.replace(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, escaped)}"`
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** `1 image`, `2 images`, `12,345 images`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${grouped(count)} ${count === 1 ? noun : plural}`
}

/** `12,345` */
export function grouped(count: number): string {
  return count.toLocaleString('en-GB')
}

/** The first few of a list and how many more there are: `"a", "b", "c" and 3 more`. */
export function firstFew(items: readonly string[], show = 3): string {
  const shown = items.slice(0, show).map((item) => quoted(item))
  const rest = items.length - shown.length
  if (rest > 0) return `${shown.join(', ')} and ${grouped(rest)} more`
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown[shown.length - 1]}`
}
