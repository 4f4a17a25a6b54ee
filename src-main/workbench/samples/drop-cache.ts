import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ObjectHash } from '#shared/ids.ts'

/** Removes the thumbnails and maps that were made of a blob of images. */
export async function dropSampleCache(cache: string, images: ObjectHash): Promise<void> {
  await rm(join(cache, 'embeddings', images), { recursive: true, force: true })
  const thumbnails = join(cache, 'thumbnails')
  const names = await readdir(thumbnails).catch(() => [])
  for (const name of names) if (name.startsWith(images)) await rm(join(thumbnails, name), { force: true })
}
