import { AppError } from '#shared/errors.ts'

export interface Uploaded {
  readonly id: string
  /** Where it lies on the workbench's machine. */
  readonly path: string
}

/** Sends a file to the workbench's own server, which keeps it until it was imported or the page lets go of it. */
export function upload(
  content: Blob,
  name: string,
  options: { readonly signal: AbortSignal; readonly onProgress: (done: number, total: number) => void },
): Promise<Uploaded> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('POST', `/uploads?name=${encodeURIComponent(name)}`)
    request.setRequestHeader('content-type', 'application/octet-stream')
    request.responseType = 'json'
    request.upload.addEventListener('progress', (event) => options.onProgress(event.loaded, event.total))
    request.addEventListener('load', () => {
      if (request.status === 200) resolve(request.response as Uploaded)
      else reject(refusal(request.status))
    })
    request.addEventListener('error', () => reject(refusal(0)))
    request.addEventListener('abort', () => reject(new AppError('cancelled', 'The upload was cancelled.')))
    options.signal.addEventListener('abort', () => request.abort(), { once: true })
    request.send(content)
  })
}

export async function removeUpload({ id }: Uploaded): Promise<void> {
  await fetch(`/uploads/${encodeURIComponent(id)}`, { method: 'DELETE' }).catch(() => {})
}

function refusal(status: number): AppError {
  if (status === 413) {
    return new AppError('disk-full', 'The files are larger than the workbench’s machine has room for.', {
      hint: 'Give the path of the folder instead: nothing is copied then.',
    })
  }
  return new AppError('internal', 'The files could not be sent to the workbench.', {
    hint: 'Try again, or give the path of the folder instead.',
  })
}
