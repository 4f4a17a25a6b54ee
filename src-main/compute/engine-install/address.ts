import { AppError } from '#shared/errors.ts'

/** Where something is fetched from. The address has no credentials, so that it can be shown. */
export interface Address {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
}

/** Credentials before the host, as pip's settings have them, go into a header: `fetch` takes no others. */
export function addressOf(text: string, base?: string): Address | null {
  const url = URL.parse(text, base)
  if (url === null) return null
  const { username, password } = url
  url.username = ''
  url.password = ''
  if (username === '' && password === '') return { url, headers: {} }
  const secret = Buffer.from(`${decode(username)}:${decode(password)}`).toString('base64')
  return { url, headers: { authorization: `Basic ${secret}` } }
}

/** @throws AppError `bad-input` that names `what` but not the text, which may hold a password. */
export function requireAddress(text: string, what: string): Address {
  const found = addressOf(text)
  if (found !== null && /^https?:$/.test(found.url.protocol)) return found
  throw new AppError('bad-input', `${what} is not one that starts with https:// or http://.`)
}

/** A password may have a percent sign of its own. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
