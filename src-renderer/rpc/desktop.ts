/** What the desktop window's preload gives the page; absent in a browser tab. */
export interface DesktopBridge {
  /** Asks for a fresh port; it arrives as a `tmu:port` message. */
  connect(): void
  /** Absolute path of a dropped file or folder. */
  pathOf(file: File): string
  /** A folder that the user chose, or null. */
  chooseFolder(): Promise<string | null>
}

declare global {
  interface Window {
    readonly tmuDesktop?: DesktopBridge
  }
}

export const desktop: DesktopBridge | null = window.tmuDesktop ?? null
