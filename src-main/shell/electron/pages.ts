import { readFile } from 'node:fs/promises'
import { extname, join, normalize, sep } from 'node:path'
import { protocol } from 'electron'
import { contentSecurityPolicy, createNonce, securityHeaders } from '../server/security.ts'

export const scheme = 'tmu'
export const pageAddress = `${scheme}://workbench/`

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
}

/** Must run before the app is ready. */
export function registerScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme, privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ])
}

/** Serves the built pages under `tmu://workbench/` with the same policy as the local server. */
export function servePages(folder: string): void {
  protocol.handle(scheme, async (request) => {
    const url = new URL(request.url)
    if (url.host !== 'workbench' || request.method !== 'GET') return new Response('Not found.', { status: 404 })
    const path = pageFile(folder, url.pathname)
    if (path === null) return new Response('Not found.', { status: 404 })
    const content = await readFile(path).catch(() => null)
    if (content === null) return new Response('Not found.', { status: 404 })
    const headers: Record<string, string> = {
      ...securityHeaders,
      'content-type': types[extname(path)] ?? 'application/octet-stream',
    }
    if (!path.endsWith('.html')) return new Response(new Uint8Array(content), { headers })
    const nonce = createNonce()
    headers['content-security-policy'] = contentSecurityPolicy(nonce, '')
    return new Response(content.toString('utf8').replaceAll('__CSP_NONCE__', nonce), { headers })
  })
}

/** The file of an address, or null when it would leave the folder. */
function pageFile(folder: string, pathname: string): string | null {
  const path = normalize(join(folder, pathname === '/' ? 'index.html' : decodeURIComponent(pathname)))
  return path.startsWith(folder + sep) ? path : null
}
