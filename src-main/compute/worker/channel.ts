/** The line to the process that started this one. */
export interface ParentChannel<In, Out> {
  send(message: Out): void
  onMessage(listener: (message: In) => void): void
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
export function openParentChannel<In, Out>(): ParentChannel<In, Out> | null {
  const { parentPort } = process as typeof process & { readonly parentPort?: ParentPort }
  if (parentPort) {
    return {
      send: (message) => parentPort.postMessage(message),
      onMessage: (listener) => parentPort.on('message', ({ data }) => listener(data as In)),
      onClose: (listener) => parentPort.on('close', listener),
    }
  }
  const send = process.send?.bind(process)
  if (send === undefined) return null
  const listeners: (() => void)[] = []
  const close = (): void => {
    for (const listener of listeners.splice(0)) listener()
  }
  process.once('disconnect', close)
  return {
    // A send that fails tells of a dead parent sooner than the event does, which waits for a free event loop.
    send: (message) => void (process.connected && send(message, undefined, {}, (error) => error !== null && close())),
    onMessage: (listener) => void process.on('message', (message) => listener(message as In)),
    onClose: (listener) => void listeners.push(listener),
  }
}
