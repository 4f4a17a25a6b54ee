import type { ContractRouterClient } from '@orpc/contract'
import { createRouterClient } from '@orpc/server'
import type { Contract } from '#shared/contract/contract.ts'
import type { createRouter } from './router.ts'

/** A caller's view of the contract, whichever way it travels. */
export type WorkbenchClient = ContractRouterClient<Contract>

/** Calls without a wire, through the same validation and error mapping as everyone else. */
export function createInProcessClient(router: ReturnType<typeof createRouter>): WorkbenchClient {
  return createRouterClient(router, { context: {} }) as unknown as WorkbenchClient
}
