import { type EngineId, type EngineStatus, engineIds } from '#shared/domain/engine.ts'
import { AppError } from '#shared/errors.ts'
import type { Engine } from './engine-type.ts'
import { loaders } from './loaders.ts'
import { selfTest } from './self-test.ts'

export type { Engine, EngineMemory } from './engine-type.ts'
export { selfTest }

const loaded = new Map<EngineId, Promise<Engine>>()
let active: Engine | undefined

/**
 * Loads an engine (once a process) and makes it the active one.
 * @throws AppError `engine-unavailable` with the reason.
 */
export async function loadEngine(id: EngineId): Promise<Engine> {
  const loader = loaders[id]
  if ('reason' in loader) throw unavailable(id, loader.reason)
  let engine = loaded.get(id)
  if (!engine) {
    engine = loader.load()
    loaded.set(id, engine)
  }
  try {
    const ready = await engine
    ready.activate()
    active = ready
    return ready
  } catch (error) {
    loaded.delete(id)
    if (error instanceof AppError) throw error
    throw unavailable(id, `It failed to start: ${error instanceof Error ? error.message : String(error)}.`, error)
  }
}

/**
 * What each of these engines is and whether it works here, in their order. Runs the self-test of those that load, and leaves the engine
 * active that was. Not while something trains in this process: other engines are active in between.
 */
export async function probeEngines(ids: readonly EngineId[] = engineIds): Promise<EngineStatus[]> {
  const before = active
  const statuses: EngineStatus[] = []
  for (const id of ids) statuses.push(await probe(id))
  if (before) await loadEngine(before.id)
  return statuses
}

async function probe(id: EngineId): Promise<EngineStatus> {
  try {
    const engine = await loadEngine(id)
    const { version, device, threads, kernelSet, advice } = engine
    const selfTestSeconds = await selfTest(engine)
    const facts = { version, device, threads, kernelSet, selfTestSeconds }
    return { id, available: true, ...(advice === undefined ? {} : { advice }), ...facts }
  } catch (error) {
    const { message, hint } = AppError.from(error)
    return { id, available: false, reason: hint === undefined ? message : `${message} ${hint}` }
  }
}

function unavailable(id: EngineId, reason: string, cause?: unknown): AppError {
  return new AppError('engine-unavailable', reason, {
    hint: `Choose another engine than "${id}"; "wasm" works everywhere.`,
    cause,
  })
}
