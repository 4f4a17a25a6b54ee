import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { errnoOf } from '#main/artifacts/storage-errors.ts'
import { type InputFile, openInputFile } from '#main/formats/input-file.ts'
import { quoted } from '#main/formats/text.ts'
import { AppError } from '#shared/errors.ts'
import { compareNatural } from '../natural-order.ts'
import type { LeftOut } from './left-out.ts'

export interface TreeListing {
  /** Names, naturally ordered. */
  readonly files: readonly string[]
  readonly folders: readonly string[]
}

/** Files below a root, whether they lie in a folder or were packed in an archive. Names have `/` as separator. */
export interface SourceTree extends AsyncDisposable {
  /** As the user typed it, for messages. */
  readonly root: string
  /** What was noticed while listing: links, hidden and special files. None of them is ever followed or read. */
  readonly leftOut: readonly LeftOut[]
  /** The regular files and folders of a folder (`''` is the root). */
  list(folder: string): Promise<TreeListing>
  /** @throws AppError `bad-input` when it is gone or can't be read. */
  open(file: string): Promise<InputFile>
}

export const joinName = (folder: string, name: string): string => (folder === '' ? name : `${folder}/${name}`)

/** The listing of a folder that may not be there: null then, and nothing is noted. */
export async function listIfThere(tree: SourceTree, folder: string): Promise<TreeListing | null> {
  let at = ''
  for (const part of folder === '' ? [] : folder.split('/')) {
    if (!(await tree.list(at)).folders.includes(part)) return null
    at = joinName(at, part)
  }
  return await tree.list(at)
}

/** What a listing passes over: hidden by a leading dot, or left by a file manager. */
export function isHiddenName(name: string): boolean {
  return name.startsWith('.') || /^(?:thumbs\.db|desktop\.ini|__macosx)$/i.test(name)
}

/** The tree of a folder, or of the folder that a file lies in. */
export class FolderTree implements SourceTree {
  readonly root: string
  readonly leftOut: LeftOut[] = []
  readonly #path: string
  readonly #listings = new Map<string, Promise<TreeListing>>()

  readonly #notes: boolean

  /** `notes`: whether what a listing passes over is noted; beside a file that was named alone it is nobody's matter. */
  constructor(root: string, path = root, notes = true) {
    this.root = root
    this.#path = path
    this.#notes = notes
  }

  list(folder: string): Promise<TreeListing> {
    const known = this.#listings.get(folder)
    if (known !== undefined) return known
    const listing = this.#read(folder)
    this.#listings.set(folder, listing)
    return listing
  }

  async open(file: string): Promise<InputFile> {
    return await openInputFile(join(this.#path, file))
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #read(folder: string): Promise<TreeListing> {
    const files: string[] = []
    const folders: string[] = []
    let entries: readonly Dirent[]
    try {
      entries = await readdir(join(this.#path, folder), { withFileTypes: true })
    } catch (error) {
      if (folder === '') throw missing(this.root, error)
      this.leftOut.push({ path: folder, reason: 'a folder that cannot be read', hidden: false })
      return { files, folders }
    }
    for (const entry of [...entries].sort((a, b) => compareNatural(a.name, b.name))) {
      const { name } = entry
      const note = (reason: string, hidden = false): void => {
        if (this.#notes) this.leftOut.push({ path: joinName(folder, name), reason, hidden })
      }
      if (isHiddenName(name)) note('a hidden file', true)
      else if (entry.isSymbolicLink()) note('a symbolic link')
      else if (entry.isDirectory()) folders.push(name)
      else if (entry.isFile()) files.push(name)
      else note('not a regular file')
    }
    return { files, folders }
  }
}

/** What the user named: a folder, or one file of a folder. */
export interface NamedSource {
  readonly tree: SourceTree
  /** The file's name in the tree, or null for a folder. */
  readonly file: string | null
}

/** @throws AppError `bad-input` when there is nothing at the path, or neither a folder nor a regular file. */
export async function openNamedSource(path: string): Promise<NamedSource> {
  const info = await stat(path).catch((error: unknown) => {
    throw missing(path, error)
  })
  if (info.isDirectory()) return { tree: new FolderTree(path), file: null }
  if (!info.isFile()) {
    throw new AppError('bad-input', `${quoted(path, 200)} is neither a folder nor a regular file.`, {
      hint: 'Choose a folder of images, a data file or an archive.',
    })
  }
  return { tree: new FolderTree(path, dirname(path), false), file: basename(path) }
}

function missing(path: string, error: unknown): AppError {
  const code = errnoOf(error)
  const reason = code === 'ENOENT' || code === 'ENOTDIR' ? 'does not exist' : 'cannot be read'
  return new AppError('bad-input', `${quoted(path, 200)} ${reason}.`, {
    hint: 'Check the path; relative paths start at the folder the command was typed in.',
    cause: error,
  })
}
