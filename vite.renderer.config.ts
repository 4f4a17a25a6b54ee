import { resolve } from 'node:path'
import vue from '@vitejs/plugin-vue'
import { defineConfig, type Plugin } from 'vite'
import { tokensToCss } from './src-renderer/theme/tokens.ts'

/** Style sheets get their colours from the very tokens that charts read. */
function tokenStyles(): Plugin {
  const id = 'virtual:tokens.css'
  return {
    name: 'tmu:tokens',
    resolveId: (source) => (source === id ? `\0${id}` : null),
    load: (resolved) => (resolved === `\0${id}` ? tokensToCss() : null),
  }
}

/** Built pages are production pages, whoever builds them: a test runner sets NODE_ENV to something else. */
function productionPages(): Plugin {
  return {
    name: 'tmu:production',
    config(_config, { command }) {
      if (command === 'build') process.env['NODE_ENV'] = 'production'
    },
  }
}

/**
 * The window. electron-vite uses this object as its `renderer` part; `vite build -c` of this file makes
 * the same pages for the browser. Whoever serves index.html replaces every `__CSP_NONCE__` by a fresh
 * nonce and names it in the policy's style-src.
 */
export default defineConfig({
  root: resolve(import.meta.dirname, 'src-renderer'),
  base: './',
  plugins: [productionPages(), vue(), tokenStyles()],
  html: { cspNonce: '__CSP_NONCE__' },
  define: {
    __VUE_OPTIONS_API__: true,
    __VUE_PROD_DEVTOOLS__: false,
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: false,
    __VUE_I18N_FULL_INSTALL__: false,
    __VUE_I18N_LEGACY_API__: false,
    __INTLIFY_PROD_DEVTOOLS__: false,
    __INTLIFY_JIT_COMPILATION__: true,
    __INTLIFY_DROP_MESSAGE_COMPILER__: false,
  },
  build: {
    outDir: resolve(import.meta.dirname, 'out/renderer'),
    emptyOutDir: true,
    target: 'es2024',
    // A data: URL in a style sheet would need img-src data: for every icon; files are cached better anyway.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 900,
    rollupOptions: { input: resolve(import.meta.dirname, 'src-renderer/index.html') },
  },
})
