import type { ObjectHash } from '#shared/ids.ts'

/** What a stage does with the object store; a worker in a browser reaches it over the network. */
export interface StageObjects {
  /** Tells stores apart. */
  readonly root: string
  /** The whole object, verified. */
  read(hash: ObjectHash): Promise<Uint8Array<ArrayBuffer>>
  put(content: Uint8Array): Promise<ObjectHash>
}
