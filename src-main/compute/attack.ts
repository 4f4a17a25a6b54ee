/**
 * What an attack (or slow metric) is. Definitions import no tensor library, so that the main process can read them; what
 * they compute is in `worker/attacks/`, where the stage looks it up by id.
 */
import type { z } from 'zod'
import type { AttackId, AttackInfo } from '#shared/domain/attack.ts'

export interface AttackDefinition<Schema extends z.ZodObject = z.ZodObject> {
  readonly id: AttackId
  readonly title: string
  /** One plain sentence. */
  readonly summary: string
  readonly citation: string
  readonly trains: AttackInfo['trains']
  readonly perMethod: boolean
  /** A strict object, every key a scalar with a default, a range and `.describe('unit and source')`. */
  readonly params: Schema
}
