import { createORPCClient } from '@orpc/client'
import type { ContractRouterClient } from '@orpc/contract'
import type { Contract } from '#shared/contract/contract.ts'
import type { DesktopBridge } from './desktop.ts'
import { type ConnectionState, ReconnectingLink } from './link.ts'
import { portTransport, socketTransport } from './transports.ts'

export type WorkbenchClient = ContractRouterClient<Contract>

/** The contract over a MessagePort in the desktop window, over a WebSocket in a browser tab. */
export function createClient(bridge: DesktopBridge | null, onState: (state: ConnectionState) => void): WorkbenchClient {
  const transport =
    bridge === null
      ? socketTransport(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/rpc`, location.pathname)
      : portTransport(bridge)
  return createORPCClient(new ReconnectingLink({ transport, onState }))
}
