import { ref, shallowRef } from 'vue'
import { AppError } from '#shared/errors.ts'
import type { Dropped } from '../lib/dropped-files.ts'
import { tarOf } from '../lib/tar.ts'
import { removeUpload, type Uploaded, upload } from '../lib/upload.ts'

/** Sends what was dropped on the page to its server: one file as it is, anything else as one archive. */
export function useUpload() {
  const busy = ref(false)
  const progress = shallowRef<{ readonly done: number; readonly total: number } | null>(null)
  const error = shallowRef<AppError | null>(null)
  let held: Uploaded | null = null
  let controller: AbortController | null = null

  /** The path on the workbench's machine, or null when it was cancelled or failed. */
  async function send({ name, files, single }: Dropped): Promise<string | null> {
    await release()
    const own = new AbortController()
    controller = own
    busy.value = true
    error.value = null
    try {
      held = await upload(single ?? tarOf(files), single === null ? `${name}.tar` : single.name, {
        signal: own.signal,
        onProgress: (done, total) => {
          progress.value = { done, total }
        },
      })
      return held.path
    } catch (cause) {
      const known = AppError.from(cause)
      if (known.code !== 'cancelled') error.value = known
      return null
    } finally {
      busy.value = false
      progress.value = null
    }
  }

  /** Lets go of what was sent last. */
  async function release(): Promise<void> {
    controller?.abort()
    const last = held
    held = null
    if (last !== null) await removeUpload(last)
  }

  return { busy, progress, error, send, release, cancel: () => controller?.abort() }
}
