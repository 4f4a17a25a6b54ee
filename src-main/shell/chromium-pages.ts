import { openInChromium, requireBrowser } from '#main/compute/pool/chromium.ts'
import type { PageOpener } from '#main/compute/pool/page-launcher.ts'
import { ensureWorkerPage } from './build.ts'

/** Pages for workers of the webgpu engine, in a Chromium of this machine without a window. */
export function chromiumPages(note: (line: string) => void): PageOpener {
  return {
    async scripts() {
      // Nothing is built for a browser that isn't there.
      requireBrowser()
      return await ensureWorkerPage(note)
    },
    open: (address) => openInChromium(address),
  }
}
