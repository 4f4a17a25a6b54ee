import type { EngineLoaders } from './engine-type.ts'
import { loadWebgpu } from './webgpu.ts'

const absent = { reason: 'In a browser there is only the webgpu engine.' }

/** Engines of a page in a browser; the page's build takes this file for loaders.ts. */
export const loaders: EngineLoaders = {
  cuda: absent,
  native: absent,
  webgpu: { load: loadWebgpu },
  wasm: absent,
  cpu: absent,
}
