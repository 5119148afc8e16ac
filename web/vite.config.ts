// How the dashboard is built: one chunk per page, no inline scripts or styles, so that a strict CSP holds.
import react from '@vitejs/plugin-react';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const api = process.env.RATEL_API ?? 'http://127.0.0.1:9480';

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    target: 'es2022',
    // Everything is a file of its own: `data:` addresses would need holes in the policy.
    assetsInlineLimit: 0,
    // The helper that preloads modules is a script in the page otherwise.
    modulePreload: { polyfill: false },
    // What every page needs is one file that the browser keeps: 525 kB, 165 kB as it is sent.
    chunkSizeWarningLimit: 600,
    rollupOptions: {
      output: {
        manualChunks(id) {
          if (id.includes('uplot')) return 'chart';
          if (/node_modules\/(react|react-dom|scheduler|@tanstack|@radix-ui|@floating-ui)\//.test(id))
            return 'vendor';
          return undefined;
        },
      },
    },
  },
  server: { port: 5173, proxy: { '/api': { target: api, secure: false } } },
  preview: { port: 4173, proxy: { '/api': { target: api, secure: false } } },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/test-setup.ts'],
    // One world like a browser's for all files: making it anew for each took longer than the tests.
    pool: 'threads',
    poolOptions: { threads: { singleThread: true, isolate: false } },
  },
});
