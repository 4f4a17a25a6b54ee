/** What a pinned archive is. */

interface Pinned {
  readonly bytes: number
  readonly sha256: string
}

/** An archive at a fixed address, or one that a package index of PyPI's kind knows the address of. */
export type ArchiveSource = Pinned & { readonly title: string } & (
    | { readonly kind: 'address'; readonly url: string }
    | { readonly kind: 'index'; readonly project: string; readonly fileName: string }
  )

/** One archive that an engine needs, and what of it. */
export interface ArchivePins {
  /** In words, for sentences. */
  readonly title: string
  /** Folder of the build that the files go to; '' is the build itself. */
  readonly into: string
  /** By their names, in whatever folder of the archive. */
  readonly files: Readonly<Record<string, Pinned>>
  /** The lightest first; the next is tried where one can't be reached. */
  readonly sources: readonly ArchiveSource[]
}

/** All archives of an engine. */
export type EnginePins = readonly ArchivePins[]
