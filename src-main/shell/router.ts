import { implement, type Router } from '@orpc/server'
import type { WorkbenchApi } from '#shared/contract/api.ts'
import { contract } from '#shared/contract/contract.ts'
import { toAppError } from '#shared/contract/errors.ts'

/** Per-call context; none is needed yet: the shells decide who may call at all. */
export type RouterContext = Record<never, never>

type AnyHandler = (input: unknown, options: { readonly signal?: AbortSignal | undefined }) => unknown
interface ProcedureImplementer {
  handler(
    run: (call: {
      readonly input: unknown
      readonly signal?: AbortSignal
      readonly errors: { APP_ERROR(options: { message: string; data: unknown }): Error }
    }) => unknown,
  ): unknown
}

/**
 * The one router: every procedure of the contract is the use case of the same name. Anything thrown
 * becomes the contract's APP_ERROR; `report` logs faults of the program and returns the hint that the caller gets.
 */
export function createRouter(
  api: WorkbenchApi,
  report: (error: unknown) => string | undefined = () => undefined,
): Router<typeof contract, RouterContext> {
  const implementer = implement(contract) as unknown as Record<string, Record<string, ProcedureImplementer>>
  const useCases = api as unknown as Record<string, Record<string, AnyHandler>>
  const router: Record<string, Record<string, unknown>> = {}
  for (const [group, procedures] of Object.entries(contract)) {
    const implemented: Record<string, unknown> = {}
    for (const name of Object.keys(procedures)) {
      const useCase = useCases[group]?.[name]
      const procedure = implementer[group]?.[name]
      if (useCase === undefined || procedure === undefined) throw new Error(`The workbench lacks ${group}.${name}.`)
      implemented[name] = procedure.handler(async ({ input, signal, errors }) => {
        const rethrow = (error: unknown): never => {
          // Use cases that another process serves throw what came over the wire.
          const known = toAppError(error)
          const said = known.code === 'internal' ? report(error) : undefined
          throw errors.APP_ERROR({ message: known.message, data: { ...known.toJSON(), hint: known.hint ?? said } })
        }
        try {
          const result = await useCase(input, { signal })
          return isAsyncIterable(result) ? guardStream(result, rethrow) : result
        } catch (error) {
          return rethrow(error)
        }
      })
    }
    router[group] = implemented
  }
  return router as unknown as Router<typeof contract, RouterContext>
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

async function* guardStream(
  stream: AsyncIterable<unknown>,
  rethrow: (error: unknown) => never,
): AsyncGenerator<unknown> {
  try {
    yield* stream
  } catch (error) {
    rethrow(error)
  }
}
