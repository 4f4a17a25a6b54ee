import type { FromWorker, ToWorker } from '../protocol.ts'

/** The line to the process that started this one. */
export interface ParentChannel {
  send(message: FromWorker): void
  onMessage(listener: (message: ToWorker) => void): void
  /** The parent closed the line or died. */
  onClose(listener: () => void): void
}

/** The part of Electron's `process.parentPort` that is used: a worker imports nothing of Electron. */
interface ParentPort {
  postMessage(message: unknown): void
  on(event: 'message', listener: (event: { readonly data: unknown }) => void): void
  on(event: 'close', listener: () => void): void
}

/** Electron's utilityProcess gives a port, Node's fork a channel; null for a process that was started by hand. */
export function openParentChannel(): ParentChannel | null {
  const { parentPort } = process as typeof process & { readonly parentPort?: ParentPort }
  if (parentPort) {
    return {
      send: (message) => parentPort.postMessage(message),
      onMessage: (listener) => parentPort.on('message', ({ data }) => listener(data as ToWorker)),
      onClose: (listener) => parentPort.on('close', listener),
    }
  }
  const send = process.send?.bind(process)
  if (send === undefined) return null
  return {
    // A parent that is just going away can't be told anything: onClose says the same.
    send: (message) => void (process.connected && send(message, undefined, {}, () => {})),
    onMessage: (listener) => void process.on('message', (message) => listener(message as ToWorker)),
    onClose: (listener) => void process.once('disconnect', listener),
  }
}
