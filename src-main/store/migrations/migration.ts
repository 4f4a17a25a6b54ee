/** One step of the schema. Once released it never changes: a later step corrects it. */
export interface Migration {
  /** 1, 2, 3, …: the file's `user_version` when the step is done. */
  readonly version: number
  /** One statement or several, hand-written. Foreign keys aren't enforced meanwhile, but checked at the end. */
  readonly sql: string
}
