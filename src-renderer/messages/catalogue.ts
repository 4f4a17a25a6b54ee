import type { en } from './en.ts'

/** English's shape with any texts: what a further language must have, no more and no less. */
export type Catalogue<T = typeof en> = { readonly [Key in keyof T]: T[Key] extends string ? string : Catalogue<T[Key]> }
