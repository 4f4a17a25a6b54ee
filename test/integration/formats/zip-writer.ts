import { crc32, deflateRawSync } from 'node:zlib'

/** A member of a hand-made archive; what isn't given is what an honest writer would write. */
export interface ZipMember {
  readonly name: string
  readonly content: Uint8Array
  readonly deflate?: boolean
  readonly checksum?: number
  readonly uncompressedSize?: number
  readonly flags?: number
  readonly method?: number
}

/** Writes an archive by hand, so that it can lie (PKWARE APPNOTE 4.3). */
export function zipOf(members: readonly ZipMember[]): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const member of members) {
    const name = Buffer.from(member.name)
    const body = member.deflate === true ? deflateRawSync(member.content) : Buffer.from(member.content)
    const fields = Buffer.alloc(26)
    fields.writeUInt16LE(20, 0)
    fields.writeUInt16LE(member.flags ?? 0, 2)
    fields.writeUInt16LE(member.method ?? (member.deflate === true ? 8 : 0), 4)
    fields.writeUInt32LE(member.checksum ?? crc32(member.content), 10)
    fields.writeUInt32LE(body.length, 14)
    fields.writeUInt32LE(member.uncompressedSize ?? member.content.length, 18)
    fields.writeUInt16LE(name.length, 22)
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004', 'latin1'), fields, name, body])
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE(offset, 10)
    directory.push(Buffer.concat([Buffer.from('PK\u0001\u0002\u0014\u0000', 'latin1'), fields, tail, name]))
    parts.push(local)
    offset += local.length
  }
  const central = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\u0005\u0006', 'latin1')
  end.writeUInt16LE(members.length, 8)
  end.writeUInt16LE(members.length, 10)
  end.writeUInt32LE(central.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...parts, central, end])
}

/** A .npy file with any header text. */
export function npyOf(header: string, data: Uint8Array = new Uint8Array(0), version = 1): Buffer {
  const text = Buffer.from(header)
  const length = Buffer.alloc(version === 1 ? 2 : 4)
  if (version === 1) length.writeUInt16LE(text.length)
  else length.writeUInt32LE(text.length)
  return Buffer.concat([Buffer.from([0x93]), Buffer.from('NUMPY'), Buffer.from([version, 0]), length, text, data])
}
