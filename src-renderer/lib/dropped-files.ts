import type { TarFile } from './tar.ts'

/** All files of what was dropped, folders gone through; `name` is that of the folder or file. */
export interface Dropped {
  readonly name: string
  readonly files: readonly TarFile[]
  /** One file that was dropped by itself. */
  readonly single: File | null
}

/** Must be called within the drop event: the browser forgets the items afterwards. */
export async function readDropped(items: DataTransferItemList): Promise<Dropped | null> {
  const entries = Array.from(items, (item) => item.webkitGetAsEntry()).filter((entry) => entry !== null)
  const [first, ...others] = entries
  if (first === undefined) return null
  const files: TarFile[] = []
  for (const entry of entries) await collect(entry, '', files)
  const single = others.length === 0 && first.isFile ? (files[0]?.file ?? null) : null
  return { name: first.name, files, single: single instanceof File ? single : null }
}

/** What a file field holds: with `webkitdirectory`, paths begin with the folder's name. */
export function readChosen(list: FileList): Dropped | null {
  const chosen = [...list]
  const [first] = chosen
  if (first === undefined) return null
  const files = chosen.map((file) => ({ path: file.webkitRelativePath || file.name, file }))
  const folder = first.webkitRelativePath.split('/')[0]
  return { name: folder || first.name, files, single: folder ? null : first }
}

async function collect(entry: FileSystemEntry, parent: string, files: TarFile[]): Promise<void> {
  const path = parent === '' ? entry.name : `${parent}/${entry.name}`
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))
    files.push({ path, file })
    return
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  for (;;) {
    // A browser gives a hundred at a time, and none at the end.
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (part.length === 0) return
    for (const inner of part) await collect(inner, path, files)
  }
}
