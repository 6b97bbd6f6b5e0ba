/// <reference types="vitest/config" />
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

const run = process.env.MODELFN_URL ?? 'http://127.0.0.1:8080'

/** Everything below goes to the run, as if the page had come from it: it answers to its own host and origin only. */
const toRun = {
  target: run,
  changeOrigin: true,
  configure: (proxy: { on(event: 'proxyReq', f: (request: { removeHeader(name: string): void }) => void): void }) =>
    proxy.on('proxyReq', (request) => request.removeHeader('origin')),
}

/** Lays a .br beside each file that is worth it; the gateway sends that one to whoever takes it. */
function brotli(): Plugin {
  let folder = ''
  return {
    name: 'brotli',
    apply: 'build',
    configResolved: (config) => void (folder = config.build.outDir),
    closeBundle() {
      for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
        if (!/\.(js|css|svg|html)$/.test(entry)) continue
        const file = join(folder, entry)
        const whole = readFileSync(file)
        const packed = brotliCompressSync(whole)
        if (packed.length < whole.length * 0.9) writeFileSync(`${file}.br`, packed)
      }
    },
  }
}

export default defineConfig({
  plugins: [react(), brotli()],
  server: {
    host: '127.0.0.1',
    proxy: { '/api': toRun, '/params': toRun, '/data': toRun, '/v1': toRun, '/health': toRun, '^/[^/]+/(predict|evaluate)$': toRun },
  },
  build: {
    target: ['chrome123', 'firefox128', 'safari17.5'],
    assetsInlineLimit: 0, // the policy allows no inline code, and a font or picture is cached by its own name
    modulePreload: { polyfill: false },
  },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/testing.ts'],
    restoreMocks: true,
    unstubGlobals: true,
  },
})
