import { createORPCClient } from '@orpc/client'
import { RPCLink } from '@orpc/client/websocket'
import { RPCHandler } from '@orpc/server/ws'
import type { WebSocket } from 'ws'
import type { WorkbenchClient } from './client.ts'
import type { createRouter } from './router.ts'

/** Frames beyond this are refused: the largest call (thumbnails) stays far below. */
export const maxFrameBytes = 16 * 1024 * 1024

/** Serves the router on sockets that a shell has already let in. */
export function createSocketHandler(router: ReturnType<typeof createRouter>): (socket: WebSocket) => void {
  const handler = new RPCHandler(router)
  return (socket) => {
    socket.on('error', () => socket.terminate())
    void handler.upgrade(socket as never, { context: {} })
  }
}

export function createSocketClient(socket: WebSocket): WorkbenchClient {
  return createORPCClient(new RPCLink({ websocket: socket as never }))
}
