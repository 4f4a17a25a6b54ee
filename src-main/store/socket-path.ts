import { createHash } from 'node:crypto'
import { tmpdir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'

/** A socket's address holds 104 bytes on macOS and 108 on Linux, the closing zero included. */
const longestPath = 103

/**
 * Where the holder of a workspace listens: in the workspace, or at a short path of its own under the system's
 * temporary folder where that one would be too long. On Windows a named pipe.
 */
export function socketPath(workspace: string, temporaryFolder: string = tmpdir()): string {
  const root = resolve(workspace)
  if (process.platform === 'win32') return `\\\\.\\pipe\\tmu-workbench-${shortHash(root.toLowerCase())}`
  const inside = join(root, 'holder.sock')
  if (Buffer.byteLength(inside) <= longestPath) return inside
  // Several users share the folder, and each may have a workspace of that path in a container of theirs.
  const name = `tmu-${shortHash(`${userInfo().uid}:${root}`)}.sock`
  const outside = join(temporaryFolder, name)
  return Buffer.byteLength(outside) <= longestPath ? outside : join('/tmp', name)
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 20)
}
