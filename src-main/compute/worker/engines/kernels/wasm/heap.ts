import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm'
import type { TensorInfo } from '@tensorflow/tfjs-core'
import { AppError } from '#shared/errors.ts'
import type { WasmMemory } from './training-functions.ts'

function outOfMemory(bytes: number): AppError {
  return new AppError('out-of-memory', `The wasm engine could not get another ${bytes} bytes of its memory.`, {
    hint: 'Use a smaller batch size or smaller images.',
  })
}

/** What the backend's module has at run time; its published types leave out Emscripten's part. */
interface EmscriptenModule {
  readonly asm?: { readonly memory?: WasmMemory }
  readonly HEAPU8: Uint8Array<ArrayBuffer>
  /** Addresses come signed; 0: no memory. */
  _malloc(bytes: number): number
  _free(address: number): void
}

/**
 * The wasm backend's memory: addresses of tensors, results and buffers that live as long as the backend.
 * Views of the memory end when it grows, so none is kept.
 */
export class WasmHeap {
  readonly backend: BackendWasm
  readonly #buffers = new Map<string, { address: number; bytes: number }>()

  constructor(backend: BackendWasm) {
    this.backend = backend
  }

  /** The memory the backend's own functions work on; throws if this version of the backend doesn't show it. */
  get memory(): WasmMemory {
    const { asm, HEAPU8 } = this.#module
    if (asm?.memory?.buffer !== HEAPU8.buffer) {
      throw new AppError('engine-unavailable', 'The wasm backend does not export its memory.', {
        hint: 'Reinstall the dependencies: the version of @tensorflow/tfjs-backend-wasm is not the one expected.',
      })
    }
    return asm.memory
  }

  get #module(): EmscriptenModule {
    return this.backend.wasm as unknown as EmscriptenModule
  }

  /** Size of the whole memory. */
  get bytes(): number {
    return this.#module.HEAPU8.byteLength
  }

  address(tensor: TensorInfo): number {
    return this.backend.getMemoryOffset(tensor.dataId)
  }

  /** A float32 result, uninitialised unless `zero`. */
  output(shape: readonly number[], zero = false): TensorInfo {
    const info = this.backend.makeOutput([...shape], 'float32')
    const bytes = 4 * shape.reduce((product, size) => product * size, 1)
    const address = this.address(info)
    if (address === 0 && bytes > 0) {
      this.backend.disposeData(info.dataId)
      throw outOfMemory(bytes)
    }
    if (zero) this.#module.HEAPU8.fill(0, address, address + bytes)
    return info
  }

  values(tensor: TensorInfo): Float32Array {
    return this.backend.typedArrayFromHeap(tensor) as Float32Array
  }

  /** Address of a buffer of at least so many floats; its content is lost when another size is asked for. */
  buffer(name: string, floats: number): number {
    const bytes = 4 * floats
    const held = this.#buffers.get(name)
    if (held && held.bytes >= bytes) return held.address
    if (held) this.#module._free(held.address)
    this.#buffers.delete(name)
    const address = this.#module._malloc(bytes) >>> 0
    if (address === 0) throw outOfMemory(bytes)
    this.#buffers.set(name, { address, bytes })
    return address
  }

  /** Ends when the memory grows, as every view of it. */
  floats(address: number, count: number): Float32Array {
    return new Float32Array(this.memory.buffer, address, count)
  }

  readFloat64(address: number): number {
    return new DataView(this.memory.buffer).getFloat64(address, true)
  }

  writeFloat64(address: number, value: number): void {
    new DataView(this.memory.buffer).setFloat64(address, value, true)
  }
}
