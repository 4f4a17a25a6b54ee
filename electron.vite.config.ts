import { resolve } from 'node:path'
import { defineConfig } from 'electron-vite'
import renderer from './vite.renderer.config.ts'

const entry = (path: string): string => resolve(import.meta.dirname, path)

export default defineConfig({
  main: {
    build: {
      outDir: 'out/main',
      externalizeDeps: true,
      rollupOptions: {
        input: {
          index: entry('src-main/shell/electron/main.ts'),
          worker: entry('src-main/compute/worker/main.ts'),
          'install-worker': entry('src-main/compute/engine-install/install-worker.ts'),
          'dataset-worker': entry('src-main/workbench/datasets/dataset-worker.ts'),
          'sample-worker': entry('src-main/workbench/samples/sample-worker.ts'),
          'evaluate-worker': entry('src-main/workbench/outcomes/evaluate-worker.ts'),
        },
        output: { format: 'es', entryFileNames: '[name].js' },
      },
    },
  },
  preload: {
    build: {
      outDir: 'out/preload',
      // A sandboxed preload must be one CommonJS file.
      rollupOptions: {
        input: { preload: entry('src-main/shell/electron/preload.ts') },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer,
})
