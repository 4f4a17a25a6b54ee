/**
 * Patches of images in WebAssembly: a convolution is a matrix product over rows that hold one output pixel's input patch
 * each ([kernelHeight][kernelWidth][channels], zeros outside the image), as in Chellapilla et al. 2006. In NHWC a patch
 * row of one kernel line is one contiguous piece of the image, so that gathering is plain copying.
 */
import {
  assembleFunction,
  type FunctionBuilder,
  f32,
  f32x4,
  i32,
  type Local,
  memoryPages,
  type Parameters,
  v128,
} from './assembler.ts'

const patchParameters = {
  images: 'i32',
  patches: 'i32',
  height: 'i32',
  width: 'i32',
  channels: 'i32',
  kernelHeight: 'i32',
  kernelWidth: 'i32',
  strideHeight: 'i32',
  strideWidth: 'i32',
  padTop: 'i32',
  padLeft: 'i32',
  outHeight: 'i32',
  outWidth: 'i32',
  first: 'i32',
  count: 'i32',
} as const satisfies Parameters

type PatchParameters = { readonly [K in keyof typeof patchParameters]: Local<'i32'> }

interface Piece {
  /** Address in the images (set only inside) and in the patches; `inside` and `outside` advance the latter. */
  readonly image: Local<'i32'>
  readonly patch: Local<'i32'>
  /** Bytes of the piece; free to be changed. */
  readonly bytes: Local<'i32'>
}

/** Visits the pieces of patches `first` to `first + count - 1` (output pixels of the whole batch, row-major). */
function forPieces(
  f: FunctionBuilder,
  p: PatchParameters,
  inside: (piece: Piece) => void,
  outside: (piece: Piece) => void,
): void {
  const pixelBytes = f.i32(i32.shl(p.channels, i32.const(2)))
  const lineBytes = f.i32(i32.mul(pixelBytes, p.width))
  const kernelLineBytes = f.i32(i32.mul(pixelBytes, p.kernelWidth))
  const area = f.i32(i32.mul(p.outHeight, p.outWidth))
  const within = f.i32(i32.remU(p.first, area))
  const batchImage = f.i32(i32.add(p.images, i32.mul(i32.mul(lineBytes, p.height), i32.divU(p.first, area))))
  const outY = f.i32(i32.divU(within, p.outWidth))
  const outX = f.i32(i32.remU(within, p.outWidth))
  const y = f.i32()
  const x = f.i32()
  const whole = f.i32()
  const i = f.i32()
  const j = f.i32()
  const line = f.i32()
  const piece: Piece = { image: f.i32(), patch: p.patches, bytes: f.i32() }
  const lastWhole = f.i32(i32.sub(p.width, p.kernelWidth))

  f.while(i32.gtS(p.count, i32.const(0)), () => {
    f.set(y, i32.sub(i32.mul(outY, p.strideHeight), p.padTop))
    f.set(x, i32.sub(i32.mul(outX, p.strideWidth), p.padLeft))
    f.set(whole, i32.and(i32.geS(x, i32.const(0)), i32.geS(lastWhole, x)))
    f.range(i, p.kernelHeight, 1, () => {
      f.when(
        i32.ltU(i32.add(y, i), p.height),
        () => {
          f.set(line, i32.add(batchImage, i32.add(i32.mul(i32.add(y, i), lineBytes), i32.mul(x, pixelBytes))))
          f.when(
            whole,
            () => {
              f.set(piece.image, line)
              f.set(piece.bytes, kernelLineBytes)
              inside(piece)
            },
            () =>
              f.range(j, p.kernelWidth, 1, () => {
                f.set(piece.bytes, pixelBytes)
                f.when(
                  i32.ltU(i32.add(x, j), p.width),
                  () => {
                    f.set(piece.image, i32.add(line, i32.mul(j, pixelBytes)))
                    inside(piece)
                  },
                  () => outside(piece),
                )
              }),
          )
        },
        () => {
          f.set(piece.bytes, kernelLineBytes)
          outside(piece)
        },
      )
    })
    f.advance(outX, 1)
    f.when(i32.geS(outX, p.outWidth), () => {
      f.set(outX, i32.const(0))
      f.advance(outY, 1)
      f.when(i32.geS(outY, p.outHeight), () => {
        f.set(outY, i32.const(0))
        f.advance(batchImage, i32.mul(lineBytes, p.height))
      })
    })
    f.advance(p.count, -1)
  })
}

function advancePiece(f: FunctionBuilder, piece: Piece, bytes: number): void {
  f.advance(piece.image, bytes)
  f.advance(piece.patch, bytes)
  f.advance(piece.bytes, -bytes)
}

/**
 * patches <- images. Writes up to 12 bytes beyond the last patch: pieces are written in order, 16 bytes at a time, and the
 * next one overwrites what the last one wrote too much.
 */
export const gatherPatches = assembleFunction(patchParameters, (f, p) => {
  const lastVector = f.i32(i32.sub(i32.shl(memoryPages(), i32.const(16)), i32.const(16)))
  forPieces(
    f,
    p,
    (piece) => {
      const copyVector = (): void => f.store128(piece.patch, v128.load(piece.image))
      f.while(i32.geS(piece.bytes, i32.const(16)), () => {
        copyVector()
        advancePiece(f, piece, 16)
      })
      // A rest is copied as a whole vector too, unless that would read beyond the end of the memory.
      f.when(
        i32.leU(piece.image, lastVector),
        () => {
          f.when(piece.bytes, copyVector)
          f.advance(piece.patch, piece.bytes)
        },
        () =>
          f.while(i32.gtS(piece.bytes, i32.const(0)), () => {
            f.store32(piece.patch, f32.load(piece.image))
            advancePiece(f, piece, 4)
          }),
      )
    },
    (piece) => {
      f.while(i32.gtS(piece.bytes, i32.const(0)), () => {
        f.store128(piece.patch, v128.zero())
        f.advance(piece.patch, 16)
        f.advance(piece.bytes, -16)
      })
      // Back by what the last vector was too long.
      f.advance(piece.patch, piece.bytes)
    },
  )
})

/** images += patches: the adjoint of gatherPatches. */
export const scatterPatches = assembleFunction(patchParameters, (f, p) => {
  forPieces(
    f,
    p,
    (piece) => {
      f.while(i32.geS(piece.bytes, i32.const(16)), () => {
        f.store128(piece.image, f32x4.add(v128.load(piece.image), v128.load(piece.patch)))
        advancePiece(f, piece, 16)
      })
      f.while(i32.gtS(piece.bytes, i32.const(0)), () => {
        f.store32(piece.image, f32.add(f32.load(piece.image), f32.load(piece.patch)))
        advancePiece(f, piece, 4)
      })
    },
    (piece) => f.advance(piece.patch, piece.bytes),
  )
})

/**
 * Gradient of a maximum over windows: each dy goes to the first position (row-major) of its window that holds the
 * maximum, as in TensorFlow. dx must be zero before.
 */
export const scatterToMaximum = assembleFunction(
  {
    x: 'i32',
    y: 'i32',
    dy: 'i32',
    dx: 'i32',
    batch: 'i32',
    height: 'i32',
    width: 'i32',
    channels: 'i32',
    windowHeight: 'i32',
    windowWidth: 'i32',
    strideHeight: 'i32',
    strideWidth: 'i32',
    padTop: 'i32',
    padLeft: 'i32',
    outHeight: 'i32',
    outWidth: 'i32',
  },
  (f, p) => {
    const pixelBytes = f.i32(i32.shl(p.channels, i32.const(2)))
    const imageBytes = f.i32(i32.mul(i32.mul(pixelBytes, p.width), p.height))
    const outY = f.i32()
    const outX = f.i32()
    const i = f.i32()
    const j = f.i32()
    const top = f.i32()
    const left = f.i32()
    const offset = f.i32()
    const bytesLeft = f.i32()
    const channelOffset = f.i32()
    const maximum = f.v128()
    const rest = f.v128()
    const hit = f.v128()

    const channelGroup = (wide: boolean): void => {
      const load = wide ? v128.load : v128.load32Zero
      f.set(maximum, load(p.y))
      f.set(rest, load(p.dy))
      f.range(i, p.windowHeight, 1, () =>
        f.when(i32.ltU(i32.add(top, i), p.height), () =>
          f.range(j, p.windowWidth, 1, () =>
            f.when(i32.ltU(i32.add(left, j), p.width), () => {
              const pixel = i32.add(i32.mul(i32.add(top, i), p.width), i32.add(left, j))
              f.set(offset, i32.add(i32.mul(pixel, pixelBytes), channelOffset))
              const target = i32.add(p.dx, offset)
              f.set(hit, f32x4.eq(load(i32.add(p.x, offset)), maximum))
              const sum = f32x4.add(load(target), v128.and(rest, hit))
              if (wide) f.store128(target, sum)
              else f.storeLane32(target, sum, 0)
              f.set(rest, v128.andNot(rest, hit))
            }),
          ),
        ),
      )
      const bytes = wide ? 16 : 4
      f.advance(p.y, bytes)
      f.advance(p.dy, bytes)
      f.advance(channelOffset, bytes)
      f.advance(bytesLeft, -bytes)
    }

    f.while(i32.gtS(p.batch, i32.const(0)), () => {
      f.range(outY, p.outHeight, 1, () => {
        f.set(top, i32.sub(i32.mul(outY, p.strideHeight), p.padTop))
        f.range(outX, p.outWidth, 1, () => {
          f.set(left, i32.sub(i32.mul(outX, p.strideWidth), p.padLeft))
          f.set(bytesLeft, pixelBytes)
          f.set(channelOffset, i32.const(0))
          f.while(i32.geS(bytesLeft, i32.const(16)), () => channelGroup(true))
          f.while(i32.gtS(bytesLeft, i32.const(0)), () => channelGroup(false))
        })
      })
      f.advance(p.x, imageBytes)
      f.advance(p.dx, imageBytes)
      f.advance(p.batch, -1)
    })
  },
)
