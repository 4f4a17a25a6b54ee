import type { Catalogue } from './catalogue.ts'
import { en } from './en.ts'
import { zh } from './zh.ts'

type Leaves<T, Path extends string = ''> = {
  [Key in keyof T & string]: T[Key] extends string ? `${Path}${Key}` : Leaves<T[Key], `${Path}${Key}.`>
}[keyof T & string]

/** `start.title`, …: every text of the window. */
export type MessageKey = Leaves<typeof en>

export const localeNames = ['en', 'zh'] as const
export type LocaleName = (typeof localeNames)[number]

export const catalogues: Readonly<Record<LocaleName, Catalogue>> = { en, zh }
