import { AppError } from '#shared/errors.ts'
import type { StoreContext } from '../context.ts'
import { stateList, type Transition } from '../transitions.ts'

/** Whose state changes, and how its table is laid out. Names are this program's, never a user's. */
export interface Stateful {
  readonly what: 'stage' | 'run' | 'study'
  readonly table: string
  readonly key: string
  readonly holder: string
}

/**
 * A change of state as one transaction: it happens to exactly one row in an allowed state, or not at all. Work that
 * runs for another holder is left alone, so that a process which lost its workspace can't write over its successor.
 *
 * `set` names the columns that change along, with their values as named parameters.
 * @returns the change; it throws AppError `conflict` (not allowed now) or `not-found`.
 */
export function createStateChange<Parameters extends Readonly<Record<string, unknown>>>(
  { db, holder }: StoreContext,
  { what, table, key, holder: holderColumn }: Stateful,
  transition: Transition<string>,
  set: string,
): (id: string, parameters: Parameters) => void {
  const update = db.prepare<[Readonly<Record<string, unknown>>]>(
    `UPDATE ${table} SET state = '${transition.to}', ${set}
     WHERE ${key} = @id AND state IN ${stateList(transition.from)}
       AND (${holderColumn} IS NULL OR ${holderColumn} = @self)`,
  )
  const current = db.prepare<[string], { readonly state: string; readonly holder: string | null }>(
    `SELECT state, ${holderColumn} AS holder FROM ${table} WHERE ${key} = ?`,
  )
  return db.transaction((id: string, parameters: Parameters) => {
    if (update.run({ ...parameters, id, self: holder }).changes === 1) return
    const found = current.get(id)
    if (found === undefined) throw new AppError('not-found', `There is no ${what} ${id} in this workspace.`)
    const details = { [what]: id, state: found.state }
    if (!transition.from.includes(found.state)) {
      throw new AppError('conflict', `The ${what} ${id} is ${found.state} and can't be ${transition.participle}.`, {
        hint: 'Look at its present state: somebody else may have been faster.',
        details,
      })
    }
    throw new AppError('conflict', `The ${what} ${id} is worked on by another process.`, {
      hint: 'This process lost the workspace to another one: close it.',
      details,
    })
  }).immediate
}
