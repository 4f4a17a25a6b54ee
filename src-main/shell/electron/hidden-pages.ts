import { join } from 'node:path'
import { app, BrowserWindow, session } from 'electron'
import type { WorkerExit } from '#main/compute/pool/launcher.ts'
import type { PageOpener } from '#main/compute/pool/page-launcher.ts'
import { webPreferences } from './preferences.ts'

const partition = 'tmu-worker'

/**
 * Chromium offers WebGPU on Linux only where it is told to; `TMU_WEBGPU_ADAPTER` (`swiftshader`) asks for an adapter by
 * name. Before the program is ready.
 */
export function allowWebgpu(): void {
  const adapter = process.env['TMU_WEBGPU_ADAPTER']
  if (adapter !== undefined && adapter !== '') app.commandLine.appendSwitch('use-webgpu-adapter', adapter)
  if (process.platform !== 'linux') return
  app.commandLine.appendSwitch('enable-unsafe-webgpu')
  app.commandLine.appendSwitch('enable-features', 'Vulkan')
}

/** Such a page may ask for nothing, and reaches its own host only. */
function lockDownPage(address: string): void {
  const { hostname: own } = new URL(address)
  const pages = session.fromPartition(partition)
  pages.setPermissionRequestHandler((_contents, _permission, answer) => answer(false))
  pages.setPermissionCheckHandler(() => false)
  pages.webRequest.onBeforeRequest(({ url }, answer) => {
    const { protocol, hostname } = new URL(url)
    answer({ cancel: hostname !== own || !['http:', 'ws:'].includes(protocol) })
  })
}

/** Pages for workers of the webgpu engine: windows that are never shown, as locked down as the visible one. */
export const hiddenPages: PageOpener = {
  scripts: async () => join(import.meta.dirname, '..', 'worker-page'),
  async open(address) {
    lockDownPage(address)
    const window = new BrowserWindow({
      show: false,
      // It works while nobody looks.
      webPreferences: { ...webPreferences, backgroundThrottling: false, partition },
    })
    window.webContents.setWindowOpenHandler(() => ({ action: 'deny' }))
    window.webContents.on('will-navigate', (event) => event.preventDefault())
    const listeners: ((exit: WorkerExit) => void)[] = []
    let exit: WorkerExit | null = null
    const end = (ended: WorkerExit): void => {
      if (exit !== null) return
      exit = ended
      for (const listener of listeners) listener(ended)
    }
    window.webContents.on('render-process-gone', (_event, { reason, exitCode }) => {
      end({ code: null, signal: null, log: `The page of the worker is gone: ${reason}, code ${exitCode}.` })
      if (!window.isDestroyed()) window.destroy()
    })
    window.on('closed', () => end({ code: 0, signal: null, log: '' }))
    try {
      await window.loadURL(address)
    } catch (error) {
      // Nobody else knows of it.
      if (!window.isDestroyed()) window.destroy()
      throw error
    }
    return {
      pid: window.webContents.getOSProcessId(),
      onExit: (listener) => (exit === null ? void listeners.push(listener) : listener(exit)),
      kill() {
        if (!window.isDestroyed()) window.destroy()
      },
    }
  },
}
