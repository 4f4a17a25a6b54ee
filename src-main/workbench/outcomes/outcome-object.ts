import type { ObjectStore } from '#main/artifacts/object-store.ts'
import { parseSafetensors } from '#main/formats/safetensors.ts'
import type { Outcome } from '#main/metrics/outcome.ts'
import { parseOutcome } from '#main/metrics/parse-outcome.ts'
import type { ObjectHash } from '#shared/ids.ts'

/** The outcome that a run of this workspace left. */
export async function readOutcome(objects: ObjectStore, object: ObjectHash): Promise<Outcome> {
  return parseOutcome(parseSafetensors(await objects.read(object), `outcome ${object}`).tensors)
}
