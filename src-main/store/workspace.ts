import { constants } from 'node:fs'
import { access, stat, statfs } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import envPaths from 'env-paths'
import { createFolders } from '#main/artifacts/create-folders.ts'
import { errnoOf } from '#main/artifacts/storage-errors.ts'
import { AppError } from '#shared/errors.ts'

/** The parts of a workspace, absolute paths. */
export interface WorkspacePaths {
  readonly root: string
  readonly database: string
  readonly objects: string
  readonly exports: string
  readonly logs: string
  readonly temporary: string
  /** What can be made again from the objects; may be removed at any time. */
  readonly cache: string
}

/** A study of the demo's size writes some tens of megabytes; below this, training would die in the middle. */
export const defaultMinimumFreeBytes = 200 * 1024 * 1024

/** The workspace's folder: the one given, else `TMU_WORKSPACE`, else a folder among the user's data. */
export function locateWorkspace(given = '', environment: NodeJS.ProcessEnv = process.env): string {
  const chosen = [given, environment['TMU_WORKSPACE'] ?? ''].find((path) => path !== '')
  if (chosen?.includes('\0') === true) {
    throw new AppError('bad-input', 'The path of the workspace holds a zero byte.', {
      hint: 'Give a path to a folder.',
    })
  }
  return resolve(chosen ?? envPaths('tmu-workbench', { suffix: '' }).data)
}

export function workspacePaths(root: string): WorkspacePaths {
  return {
    root,
    database: join(root, 'workbench.sqlite'),
    objects: join(root, 'objects'),
    exports: join(root, 'exports'),
    logs: join(root, 'logs'),
    temporary: join(root, 'tmp'),
    cache: join(root, 'cache'),
  }
}

/**
 * Makes a workspace ready for writing: its folders are there and writable, and its disk has room. What it refuses, it
 * refuses before it has created anything.
 * @throws AppError `bad-input` (a file is in the way), `workspace-read-only`, `disk-full`.
 */
export async function prepareWorkspace(
  root: string,
  { minimumFreeBytes = defaultMinimumFreeBytes }: { readonly minimumFreeBytes?: number } = {},
): Promise<WorkspacePaths> {
  const paths = workspacePaths(root)
  const ground = await nearestFolder(root)
  await requireWritable(ground, root)
  // The objects, nearly all of a workspace, may lie on a disk of their own.
  const objects = (await kindOf(paths.objects)) === 'folder' ? paths.objects : ground
  await requireSpace(objects, root, minimumFreeBytes)
  const folders = [root, paths.objects, paths.exports, paths.logs, paths.temporary]
  for (const folder of folders) {
    await requireNoFile(folder)
    if ((await kindOf(folder)) === 'folder') await requireWritable(folder, root)
  }
  if ((await kindOf(paths.database)) === 'file') await requireWritable(paths.database, root)
  for (const folder of folders) await createFolder(folder, root)
  return paths
}

/**
 * The paths of a workspace that is read only; nothing is created.
 * @throws AppError `not-found` when there is none, `bad-input` when the path is a file.
 */
export async function requireWorkspace(root: string): Promise<WorkspacePaths> {
  const paths = workspacePaths(root)
  await requireNoFile(root)
  if ((await kindOf(paths.database)) !== 'file') {
    throw new AppError('not-found', `There is no workspace at "${root}" yet.`, {
      hint: 'Import a data set or run the demo to begin one, or give the path of another one with --workspace.',
      details: { workspace: root },
    })
  }
  return paths
}

/** Bytes that this user may still write on the disk of `path`, which must exist. */
export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path)
  return bavail * bsize
}

type Kind = 'folder' | 'file' | 'nothing'

async function kindOf(path: string): Promise<Kind> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file'
  } catch (error) {
    const code = errnoOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'nothing'
    throw pathError(error, path)
  }
}

/** The path itself or the closest folder above it that exists. */
async function nearestFolder(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    const kind = await kindOf(at)
    if (kind === 'folder') return at
    if (kind === 'file') throw inTheWay(at, path)
    if (dirname(at) === at) throw new AppError('bad-input', `There is no place "${path}" for a workspace.`)
  }
}

async function requireNoFile(path: string): Promise<void> {
  if ((await kindOf(path)) === 'file') throw inTheWay(path, path)
}

async function requireWritable(path: string, root: string): Promise<void> {
  try {
    await access(path, constants.R_OK | constants.W_OK)
  } catch (error) {
    throw pathError(error, root)
  }
}

async function requireSpace(place: string, root: string, minimum: number): Promise<void> {
  const free = await freeBytes(place)
  if (free >= minimum) return
  throw new AppError(
    'disk-full',
    `The disk of the workspace "${root}" has ${megabytes(free)} MB left, and ${megabytes(minimum)} MB are needed to start.`,
    {
      hint: 'Free some space on that disk, or choose a workspace on another one with --workspace.',
      details: { workspace: root, freeBytes: free, neededBytes: minimum },
    },
  )
}

async function createFolder(path: string, root: string): Promise<void> {
  try {
    await createFolders(path)
  } catch (error) {
    throw pathError(error, root)
  }
}

function inTheWay(file: string, wanted: string): AppError {
  const message =
    file === wanted
      ? `"${file}" is a file, and a workspace needs a folder there.`
      : `The workspace "${wanted}" can't be created: "${file}" is a file.`
  return new AppError('bad-input', message, {
    hint: 'Choose a folder, or a new path, with --workspace or TMU_WORKSPACE.',
    details: { path: file },
  })
}

function pathError(error: unknown, root: string): AppError {
  switch (errnoOf(error)) {
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return new AppError('workspace-read-only', `The workspace "${root}" can't be used: access to it was refused.`, {
        hint: "Give yourself write access to the workspace's folder, or choose another one with --workspace.",
        details: { workspace: root },
        cause: error,
      })
    case 'ENOSPC':
    case 'EDQUOT':
      return new AppError('disk-full', `The disk of the workspace "${root}" is full.`, {
        hint: 'Free some space on that disk, or choose a workspace on another one with --workspace.',
        details: { workspace: root },
        cause: error,
      })
    case 'ENAMETOOLONG':
    case 'ELOOP':
    case 'EEXIST':
    case 'ENOENT':
    case 'ENOTDIR':
      return new AppError('bad-input', `The workspace "${root}" can't be created: the path is not usable.`, {
        hint: 'Choose another folder with --workspace or TMU_WORKSPACE.',
        details: { workspace: root },
        cause: error,
      })
    default:
      return AppError.from(error)
  }
}

function megabytes(bytes: number): number {
  return Math.floor(bytes / (1024 * 1024))
}
