import type { InferContractRouterInputs, InferContractRouterOutputs } from '@orpc/contract'
import type { Contract } from './contract.ts'

type Inputs = InferContractRouterInputs<Contract>
type Outputs = InferContractRouterOutputs<Contract>

export interface CallOptions {
  /** Aborted when the caller goes away. */
  readonly signal?: AbortSignal | undefined
}

/** Parsed input: what a zod schema gives after defaults. */
type Parsed<Group extends keyof Contract, Name extends keyof Contract[Group]> = Contract[Group][Name] extends {
  '~orpc': { inputSchema?: infer Schema }
}
  ? Schema extends { '~standard': { types?: { output: infer Output } | undefined } }
    ? Output
    : Name extends keyof Inputs[Group]
      ? Inputs[Group][Name]
      : never
  : never

/**
 * The contract as plain functions: what the workbench implements and `router.ts` serves. Inputs are
 * already validated and complete; streams are async iterables that end when `signal` aborts.
 */
export type WorkbenchApi = {
  readonly [Group in keyof Contract]: {
    readonly [Name in keyof Contract[Group]]: Name extends keyof Outputs[Group]
      ? Outputs[Group][Name] extends AsyncIterator<infer Event, unknown, unknown>
        ? (input: Parsed<Group, Name>, options?: CallOptions) => AsyncIterable<Event>
        : (input: Parsed<Group, Name>, options?: CallOptions) => Promise<Outputs[Group][Name]>
      : never
  }
}
