import { join } from 'node:path'
import { BrowserWindow, session, shell } from 'electron'
import { pageAddress } from './pages.ts'
import { webPreferences } from './preferences.ts'

export function createWindow(): BrowserWindow {
  const window = new BrowserWindow({
    width: 1440,
    height: 920,
    minWidth: 1024,
    minHeight: 640,
    show: false,
    title: 'TMU Workbench',
    webPreferences: { ...webPreferences, preload: join(import.meta.dirname, '..', 'preload', 'preload.cjs') },
  })
  // Nothing leaves the program's own pages; a link to a paper opens in the user's browser.
  window.webContents.setWindowOpenHandler(({ url }) => {
    if (url.startsWith('https://')) void shell.openExternal(url)
    return { action: 'deny' }
  })
  window.webContents.on('will-navigate', (event, url) => {
    if (!url.startsWith(pageAddress)) event.preventDefault()
  })
  window.webContents.on('will-attach-webview', (event) => event.preventDefault())
  window.once('ready-to-show', () => window.show())
  void window.loadURL(pageAddress)
  return window
}

/** Of all that pages may ask the system for, only copying to the clipboard is granted; no request leaves the program. */
const granted = 'clipboard-sanitized-write'

export function lockDown(): void {
  session.defaultSession.setPermissionRequestHandler((_contents, permission, answer) => answer(permission === granted))
  session.defaultSession.setPermissionCheckHandler((_contents, permission) => permission === granted)
  session.defaultSession.webRequest.onBeforeRequest((details, answer) => {
    const allowed = /^(tmu|devtools|blob|data):/.test(details.url)
    answer({ cancel: !allowed })
  })
}
