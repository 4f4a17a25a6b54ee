/**
 * The preload does one thing: it hands the contract's MessagePort to the page, and the path of a file or
 * folder that the user dropped or chose. No Node reaches the page.
 */
import { contextBridge, ipcRenderer, webUtils } from 'electron'

ipcRenderer.on('tmu:port', (event) => {
  window.postMessage('tmu:port', window.location.origin, [...event.ports])
})

contextBridge.exposeInMainWorld('tmuDesktop', {
  /** Asks for a fresh port; it arrives as a `tmu:port` message. */
  connect: (): void => ipcRenderer.send('tmu:connect'),
  /** Absolute path of a dropped file or folder. */
  pathOf: (file: File): string => webUtils.getPathForFile(file),
  /** A folder that the user chose, or null. */
  chooseFolder: (): Promise<string | null> => ipcRenderer.invoke('tmu:choose-folder') as Promise<string | null>,
})
