import { resolve } from 'node:path'
import { defineConfig, type Plugin } from 'vite'

const worker = (path: string): string => resolve(import.meta.dirname, 'src-main/compute/worker', path)

/** A page has other engines than a Node process; everything else of the worker is the same code. */
function pageEngines(): Plugin {
  const loaders = worker('engines/loaders.ts')
  return {
    name: 'tmu:page-engines',
    enforce: 'pre',
    async resolveId(source, importer, options) {
      if (!source.endsWith('/loaders.ts')) return null
      const found = await this.resolve(source, importer, { ...options, skipSelf: true })
      return found?.id === loaders ? worker('engines/loaders-page.ts') : found
    },
  }
}

/** Scripts of the worker that runs in a browser, for the webgpu engine. */
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  publicDir: false,
  plugins: [pageEngines()],
  resolve: {
    alias: [
      { find: /^#shared\//, replacement: `${resolve(import.meta.dirname, 'src-shared')}/` },
      { find: /^#main\//, replacement: `${resolve(import.meta.dirname, 'src-main')}/` },
    ],
  },
  build: {
    outDir: resolve(import.meta.dirname, 'out/worker-page'),
    emptyOutDir: true,
    target: 'es2024',
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 4000,
    rollupOptions: {
      input: worker('page-main.ts'),
      output: { entryFileNames: 'worker.js', chunkFileNames: '[name]-[hash].js' },
    },
  },
})
