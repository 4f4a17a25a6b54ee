import { describe, expect, it } from 'vitest'
import { ByteReader } from '#main/workbench/datasets/sources/byte-reader.ts'
import { tarEntries } from '#main/workbench/datasets/sources/tar-entries.ts'
import { tarOf } from '../../../src-renderer/lib/tar.ts'

describe('an archive that a page makes of dropped files', () => {
  it('is what the importer reads, with long names and names beyond ASCII', async () => {
    const files = [
      { path: 'cats/1.png', content: 'one' },
      { path: `cats/${'é'.repeat(80)}/🙈.png`, content: 'x'.repeat(512) },
      { path: 'empty.txt', content: '' },
    ]
    const blob = tarOf(files.map(({ path, content }) => ({ path, file: new Blob([content]) })))
    const reader = new ByteReader(blob.stream())
    const found: { path: string; content: string }[] = []
    for await (const { name, size } of tarEntries(reader)) {
      found.push({ path: name, content: Buffer.from(await reader.take(size)).toString() })
    }
    expect(found).toEqual(files)
  })
})
