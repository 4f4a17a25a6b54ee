import { loadCpu } from './cpu.ts'
import { loadCuda } from './cuda.ts'
import type { EngineLoaders } from './engine-type.ts'
import { loadNative } from './native.ts'
import { loadWasm } from './wasm.ts'

/** Engines of a Node process; one that is absent says why. A page has others: loaders-page.ts takes this file's place. */
export const loaders: EngineLoaders = {
  cuda: { load: loadCuda },
  native: { load: loadNative },
  webgpu: { reason: 'WebGPU needs a browser; this process is none.' },
  wasm: { load: loadWasm },
  cpu: { load: loadCpu },
}
