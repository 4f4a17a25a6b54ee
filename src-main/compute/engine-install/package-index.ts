/** Where a file of a Python package is, by the index that the user's pip is set to (PEP 503 and 691). */
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { AppError } from '#shared/errors.ts'
import { type Address, addressOf, requireAddress } from './address.ts'

const publicIndex = 'https://pypi.org/simple'
const limitMs = 30_000

/** The address of the index: PIP_INDEX_URL, else pip's settings, else PyPI. */
export async function indexAddress(env: Readonly<Record<string, string | undefined>> = process.env): Promise<string> {
  if (env.PIP_INDEX_URL) return env.PIP_INDEX_URL
  const files = [
    env.PIP_CONFIG_FILE,
    join(homedir(), '.config', 'pip', 'pip.conf'),
    join(homedir(), '.pip', 'pip.conf'),
    '/etc/pip.conf',
  ]
  for (const file of files) {
    if (!file) continue
    const text = await readFile(file, 'utf8').catch(() => '')
    const found = /^\s*index-url\s*[=:]\s*(\S+)/m.exec(text)
    if (found) return found[1]
  }
  return publicIndex
}

/**
 * `index` may hold credentials (`https://user:token@host/simple`); they are for its own server only, and in no message.
 * @throws AppError `not-found` when the index doesn't have the file, `bad-input` when `index` is no address; network
 * errors as they come.
 */
export async function findInIndex(index: string, project: string, fileName: string): Promise<Address> {
  const { url: root, headers } = requireAddress(index, "The package index's address in pip's settings")
  const page = `${root.href.replace(/\/+$/, '')}/${project}/`
  const response = await fetch(page, {
    headers: { ...headers, accept: 'application/vnd.pypi.simple.v1+json, text/html;q=0.5' },
    signal: AbortSignal.timeout(limitMs),
  })
  if (!response.ok) throw new AppError('not-found', `The package index answered ${response.status}.`)
  const text = await response.text()
  // Both forms quote each address; the file's own name is the end of its path.
  const addresses = text.matchAll(/"(?:url":\s*")?([^"\s]+)"/g)
  for (const [, address] of addresses) {
    const found = addressOf(address.replaceAll('&amp;', '&'), response.url || page)
    if (found !== null && /[/.]/.test(address) && decodeURIComponent(found.url.pathname).endsWith(`/${fileName}`)) {
      if (address !== fileName) {
        found.url.hash = ''
        return found.url.origin === root.origin ? { ...found, headers: { ...headers, ...found.headers } } : found
      }
    }
  }
  throw new AppError('not-found', `The package index has no file ${fileName}.`)
}
