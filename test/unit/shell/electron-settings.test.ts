import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { webPreferences } from '#main/shell/electron/preferences.ts'
import { contentSecurityPolicy } from '#main/shell/server/security.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const source = (name: string): string => readFileSync(join(root, 'src-main', 'shell', 'electron', name), 'utf8')

describe('the desktop window', () => {
  test('keeps Node away from the page by one frozen literal', () => {
    expect(Object.isFrozen(webPreferences)).toBe(true)
    expect(webPreferences).toMatchObject({
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      webviewTag: false,
    })
  })

  test('takes its preferences from that literal and adds only the preload', () => {
    expect(source('window.ts')).toMatch(
      /webPreferences: \{ \.\.\.webPreferences, preload: join\([^}]*preload\.cjs'\) \}/,
    )
  })

  test('opens no second window, navigates nowhere else and grants nothing but copying', () => {
    const window = source('window.ts')
    expect(window).toContain("return { action: 'deny' }")
    expect(window).toContain("on('will-navigate'")
    expect(window).toContain("on('will-attach-webview', (event) => event.preventDefault())")
    expect(window).toContain(
      'setPermissionRequestHandler((_contents, permission, answer) => answer(permission === granted))',
    )
    expect(window).toContain("const granted = 'clipboard-sanitized-write'")
    expect(window).toContain('setPermissionCheckHandler((_contents, permission) => permission === granted)')
  })

  test('gives the page a port and paths, never ipcRenderer itself', () => {
    const preload = source('preload.ts')
    expect(preload).not.toMatch(/exposeInMainWorld\([^)]*ipcRenderer\s*[,)]/)
    expect([...preload.matchAll(/exposeInMainWorld\('(\w+)'/g)].map((match) => match[1])).toEqual(['tmuDesktop'])
  })

  test('hands the port only to its own page', () => {
    expect(source('main.ts')).toContain('event.senderFrame.url.startsWith(pageAddress)')
  })
})

test('the content security policy allows nothing inline, nothing evaluated and nothing from elsewhere', () => {
  const policy = contentSecurityPolicy('abc', 'ws://127.0.0.1:1')
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain("script-src 'self';")
  expect(policy).toContain("style-src 'self' 'nonce-abc';")
  expect(policy).not.toMatch(/unsafe|\*|https?:/)
})

test('the packaged program can’t be run as plain Node', () => {
  const builder = readFileSync(join(root, 'electron-builder.yml'), 'utf8')
  expect(builder).toMatch(/runAsNode: false/)
  expect(builder).toMatch(/enableNodeOptionsEnvironmentVariable: false/)
  expect(builder).toMatch(/enableNodeCliInspectArguments: false/)
  expect(builder).toMatch(/npmRebuild: false/)
})
