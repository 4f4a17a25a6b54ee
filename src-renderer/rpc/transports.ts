import { RPCLink as PortLink } from '@orpc/client/message-port'
import { RPCLink as SocketLink } from '@orpc/client/websocket'
import type { DesktopBridge } from './desktop.ts'
import type { Transport, Wire } from './link.ts'

/** The local server's socket; the browser sends the session cookie along. */
export function socketTransport(address: string, page: string): Transport {
  return {
    open: () =>
      new Promise<Wire>((resolve, reject) => {
        const websocket = new WebSocket(address)
        const closed = new Promise<void>((settle) => websocket.addEventListener('close', () => settle()))
        websocket.addEventListener('open', () =>
          resolve({
            link: new SocketLink({ websocket }),
            isOpen: () => websocket.readyState === WebSocket.OPEN,
            closed,
          }),
        )
        void closed.then(() => reject(new Error('The socket closed.')))
      }),
    // A refused upgrade looks like any other failure to the page, so the page's own address is asked.
    refused: async () => {
      const answer = await fetch(page, { method: 'HEAD', cache: 'no-store' }).catch(() => null)
      return answer !== null && (answer.status === 401 || answer.status === 403)
    },
  }
}

/** The desktop window's port, handed over by the preload. It lives as long as the window does. */
export function portTransport(bridge: DesktopBridge): Transport {
  return {
    open: () =>
      new Promise<Wire>((resolve) => {
        const listen = (event: MessageEvent): void => {
          const [port] = event.ports
          if (event.source !== window || event.data !== 'tmu:port' || port === undefined) return
          window.removeEventListener('message', listen)
          let open = true
          const closed = new Promise<void>((settle) => {
            port.addEventListener('close', () => {
              open = false
              settle()
            })
          })
          port.start()
          resolve({ link: new PortLink({ port }), isOpen: () => open, closed })
        }
        window.addEventListener('message', listen)
        bridge.connect()
      }),
    refused: () => Promise.resolve(false),
  }
}
