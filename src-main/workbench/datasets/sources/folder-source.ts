import { firstFew, quoted } from '#main/formats/text.ts'
import { AppError } from '#shared/errors.ts'
import { loadImageFiles } from './encoded-images.ts'
import type { LeftOut } from './left-out.ts'
import type { SampleEntry, SampleSource } from './sample-source.ts'
import { joinName, type SourceTree } from './source-tree.ts'

const splitWords = /^(?:train|training|test|testing|val|valid|validation|dev|eval|evaluation)$/i
export const imageNames = /\.(?:png|jpe?g|jpe|jfif)$/i

const layoutHint =
  'Choose a folder that holds one folder of PNG or JPEG files for each class: NAME/CLASS/FILE, or NAME/train/CLASS/FILE.'

/**
 * Class folders: NAME/[split/]CLASS/FILE. A folder called train, test, val or the like that holds folders and no
 * images of its own is a split folder; everything else beside it must not hold images then.
 * @param below the folder of the tree that is NAME.
 * @param onFound is called with the number of files found so far.
 * @throws AppError `bad-input`: nothing in it, split and class folders side by side.
 */
export async function openFolderSource(
  tree: SourceTree,
  below = '',
  onFound: (count: number) => void = () => {},
): Promise<SampleSource> {
  const own: LeftOut[] = []
  const note = (path: string, reason: string): void => void own.push({ path, reason, hidden: false })
  const top = await tree.list(below)
  for (const name of top.files) {
    // A README or a table beside the class folders is no sample that got lost; an image is.
    if (imageNames.test(name)) note(name, 'not in a class folder')
  }
  const splitFolders: string[] = []
  const classFolders: string[] = []
  for (const name of top.folders) {
    ;((await isSplitFolder(tree, below, name)) ? splitFolders : classFolders).push(name)
  }

  const entries: SampleEntry[] = []
  const files: string[] = []
  const readClass = async (className: string, parent: string, givenSplit: string | null): Promise<void> => {
    const folder = joinName(parent, className)
    const content = await tree.list(joinName(below, folder))
    for (const name of content.folders) note(`${folder}/${name}`, 'a folder inside a class folder')
    for (const name of content.files) {
      entries.push({ name: `${folder}/${name}`, className, givenSplit })
      files.push(joinName(below, `${folder}/${name}`))
    }
    onFound(files.length)
  }

  if (splitFolders.length === 0) {
    for (const name of classFolders) await readClass(name, '', null)
  } else {
    const mixed: string[] = []
    for (const name of classFolders) {
      const content = await tree.list(joinName(below, name))
      if (content.files.some((file) => imageNames.test(file))) mixed.push(name)
      else note(name, 'a folder without images beside split folders')
    }
    if (mixed.length > 0) {
      throw new AppError(
        'bad-input',
        `The folder ${quoted(tree.root, 200)} mixes split folders (${firstFew(splitFolders)}) with folders of images (${firstFew(mixed)}).`,
        { hint: 'Move the images into class folders inside a split folder, or take the split folders away.' },
      )
    }
    for (const split of splitFolders) {
      const content = await tree.list(joinName(below, split))
      for (const name of content.folders) await readClass(name, split, split)
    }
  }
  if (files.length === 0) throw nothingFound(tree.root, top.folders.length)
  return {
    format: 'folder',
    entries,
    classNames: null,
    groups: [],
    leftOut: [...tree.leftOut, ...own],
    load: (indices) => loadImageFiles(tree, files, indices),
    [Symbol.asyncDispose]: () => tree[Symbol.asyncDispose](),
  }
}

/** Whether a folder looks like class folders: two or more of them with files, or a split folder. */
export async function looksLikeClassFolders(tree: SourceTree, below: string): Promise<boolean> {
  const { folders } = await tree.list(below)
  let withImages = 0
  for (const name of folders) {
    if (await isSplitFolder(tree, below, name)) return true
    const { files } = await tree.list(joinName(below, name))
    if (files.some((file) => imageNames.test(file))) withImages++
    if (withImages >= 2) return true
  }
  return false
}

export async function isSplitFolder(tree: SourceTree, below: string, name: string): Promise<boolean> {
  if (!splitWords.test(name)) return false
  const { files, folders } = await tree.list(joinName(below, name))
  return folders.length > 0 && !files.some((file) => imageNames.test(file))
}

function nothingFound(root: string, folderCount: number): AppError {
  const message =
    folderCount === 0
      ? `The folder ${quoted(root, 200)} holds no class folders.`
      : `The class folders of ${quoted(root, 200)} hold no files.`
  return new AppError('bad-input', message, { hint: layoutHint })
}
