import type { WebPreferences } from 'electron'

/**
 * The window's preferences as one frozen literal, so that a reader and a test see all of it at once.
 * The page gets no Node, no preload globals but the port, and no way out of its origin.
 */
export const webPreferences = Object.freeze({
  contextIsolation: true,
  sandbox: true,
  nodeIntegration: false,
  nodeIntegrationInWorker: false,
  nodeIntegrationInSubFrames: false,
  webSecurity: true,
  allowRunningInsecureContent: false,
  experimentalFeatures: false,
  webviewTag: false,
  navigateOnDragDrop: false,
  safeDialogs: true,
  spellcheck: false,
  devTools: true,
}) satisfies Readonly<WebPreferences>
