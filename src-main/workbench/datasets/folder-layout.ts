import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { errnoOf } from '#main/artifacts/storage-errors.ts'
import { firstFew, quoted } from '#main/formats/text.ts'
import type { ImportProblem } from '#shared/domain/dataset.ts'
import { AppError } from '#shared/errors.ts'
import { compareNatural } from './natural-order.ts'

/** A file that may be an image: only reading it will tell. */
export interface ImageFile {
  readonly path: string
  /** Below the imported folder, `/` as separator. */
  readonly name: string
  readonly className: string
  /** The split folder's name as it is on disk, or null. */
  readonly givenSplit: string | null
}

/** `hidden` files are left out silently by every tool; they alone don't make a strict import fail. */
export interface LeftOut extends ImportProblem {
  readonly hidden: boolean
}

export interface FolderLayout {
  /** In the order of the samples: by split folder, class and file name, each naturally ordered. */
  readonly files: readonly ImageFile[]
  readonly leftOut: readonly LeftOut[]
}

const splitWords = /^(?:train|training|test|testing|val|valid|validation|dev|eval|evaluation)$/i
const imageNames = /\.(?:png|jpe?g|jpe|jfif)$/i

const layoutHint =
  'Choose a folder that holds one folder of PNG or JPEG files for each class: NAME/CLASS/FILE, or NAME/train/CLASS/FILE.'

/**
 * Finds the class folders of NAME/[split/]CLASS/FILE. A folder called train, test, val or the like that holds folders
 * and no images of its own is a split folder; everything else beside it must not hold images then.
 * @param onFound is called with the number of files found so far.
 * @throws AppError `bad-input`: no such folder, nothing in it, split and class folders side by side.
 */
export async function readFolderLayout(
  root: string,
  onFound: (count: number) => void = () => {},
): Promise<FolderLayout> {
  const leftOut: LeftOut[] = []
  const top = await listFolder(root, '', leftOut, await openRoot(root))
  for (const name of top.files) {
    // A README or a table beside the class folders is no sample that got lost; an image is.
    if (imageNames.test(name)) leftOut.push({ path: name, reason: 'not in a class folder', hidden: false })
  }
  const splitFolders: string[] = []
  const classFolders: string[] = []
  for (const name of top.folders) ((await isSplitFolder(root, name)) ? splitFolders : classFolders).push(name)

  const files: ImageFile[] = []
  const readClass = async (className: string, parent: string, givenSplit: string | null): Promise<void> => {
    const below = parent === '' ? className : `${parent}/${className}`
    const content = await listFolder(join(root, below), below, leftOut)
    for (const name of content.folders) {
      leftOut.push({ path: `${below}/${name}`, reason: 'a folder inside a class folder', hidden: false })
    }
    for (const name of content.files) {
      files.push({ path: join(root, below, name), name: `${below}/${name}`, className, givenSplit })
    }
    onFound(files.length)
  }

  if (splitFolders.length === 0) {
    for (const name of classFolders) await readClass(name, '', null)
  } else {
    const mixed: string[] = []
    for (const name of classFolders) {
      const content = await readdir(join(root, name)).catch(() => [])
      if (content.some((entry) => imageNames.test(entry))) mixed.push(name)
      else leftOut.push({ path: name, reason: 'a folder without images beside split folders', hidden: false })
    }
    if (mixed.length > 0) {
      throw new AppError(
        'bad-input',
        `The folder ${quoted(root, 200)} mixes split folders (${firstFew(splitFolders)}) with folders of images (${firstFew(mixed)}).`,
        { hint: 'Move the images into class folders inside a split folder, or take the split folders away.' },
      )
    }
    for (const split of splitFolders) {
      const content = await listFolder(join(root, split), split, leftOut)
      for (const name of content.folders) await readClass(name, split, split)
    }
  }
  if (files.length === 0) throw nothingFound(root, top.folders.length)
  return { files, leftOut }
}

async function openRoot(root: string): Promise<readonly Dirent[]> {
  try {
    if (!(await stat(root)).isDirectory()) {
      throw new AppError('bad-input', `${quoted(root, 200)} is a file, not a folder.`, { hint: layoutHint })
    }
    return await readdir(root, { withFileTypes: true })
  } catch (error) {
    if (error instanceof AppError) throw error
    const code = errnoOf(error)
    const reason = code === 'ENOENT' || code === 'ENOTDIR' ? 'does not exist' : 'cannot be read'
    throw new AppError('bad-input', `The folder ${quoted(root, 200)} ${reason}.`, {
      hint: 'Check the path; relative paths start at the folder the command was typed in.',
      cause: error,
    })
  }
}

/** Real files and folders by natural order; links, hidden files and special files are noted and left out. */
async function listFolder(
  path: string,
  below: string,
  leftOut: LeftOut[],
  given?: readonly Dirent[],
): Promise<{ readonly files: readonly string[]; readonly folders: readonly string[] }> {
  const files: string[] = []
  const folders: string[] = []
  let entries: readonly Dirent[]
  try {
    entries = given ?? (await readdir(path, { withFileTypes: true }))
  } catch {
    leftOut.push({ path: below, reason: 'a folder that cannot be read', hidden: false })
    return { files, folders }
  }
  for (const entry of [...entries].sort((a, b) => compareNatural(a.name, b.name))) {
    const { name } = entry
    const note = (reason: string, hidden = false): void => {
      leftOut.push({ path: below === '' ? name : `${below}/${name}`, reason, hidden })
    }
    if (name.startsWith('.') || /^(?:thumbs\.db|desktop\.ini|__macosx)$/i.test(name)) note('a hidden file', true)
    else if (entry.isSymbolicLink()) note('a symbolic link')
    else if (entry.isDirectory()) folders.push(name)
    else if (entry.isFile()) files.push(name)
    else note('not a regular file')
  }
  return { files, folders }
}

async function isSplitFolder(root: string, name: string): Promise<boolean> {
  if (!splitWords.test(name)) return false
  const entries = await readdir(join(root, name), { withFileTypes: true }).catch(() => [])
  return (
    entries.some((entry) => entry.isDirectory()) &&
    !entries.some((entry) => entry.isFile() && imageNames.test(entry.name))
  )
}

function nothingFound(root: string, folderCount: number): AppError {
  const message =
    folderCount === 0
      ? `The folder ${quoted(root, 200)} holds no class folders.`
      : `The class folders of ${quoted(root, 200)} hold no files.`
  return new AppError('bad-input', message, { hint: layoutHint })
}
