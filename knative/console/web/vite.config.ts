/// <reference types="vitest/config" />
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin, type Rolldown } from 'vite'

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

/** What is loaded for a place only, by the names that early.ts has for it. */
const parts = { model: 'src/model/ModelPage.tsx', params: 'src/params/ParamsTab.tsx', traffic: 'src/traffic/TrafficTab.tsx', events: 'src/events/EventsPage.tsx', requests: 'axios/index.js' }

/** Lets early.ts run as soon as it is there, and tells it the files of each part. */
function early(): Plugin {
  return {
    name: 'early',
    transformIndexHtml: {
      order: 'post',
      handler(_, { bundle }) {
        if (!bundle) return [] // a server for development
        const chunks = Object.values(bundle).filter((file) => file.type === 'chunk')
        const of = (source: string) => chunks.find((c) => c.facadeModuleId?.endsWith(source))!
        const filesOf = (chunk: Rolldown.OutputChunk): string[] => [chunk.fileName, ...(chunk.viteMetadata?.importedCss ?? []), ...chunk.imports.flatMap((name) => filesOf(chunks.find((c) => c.fileName === name)!))]
        const atOnce = new Set(filesOf(of('index.html')))
        const names = Object.entries(parts).map(([part, source]) => [`data-${part}`, [...new Set(filesOf(of(source)))].filter((file) => !atOnce.has(file)).map((file) => `/${file}`).join(' ')])
        return [{ tag: 'script', injectTo: 'head', attrs: { type: 'module', async: true, crossorigin: true, src: `/${of('src/early.ts').fileName}`, ...Object.fromEntries(names) } }]
      },
    },
  }
}

export default defineConfig({
  plugins: [react(), early(), brotli()],
  server: {
    host: '127.0.0.1',
    proxy: { '/api': toRun, '/params': toRun, '/data': toRun, '/v1': toRun, '/health': toRun, '^/[^/]+/(predict|evaluate)$': toRun },
  },
  build: {
    target: ['chrome123', 'firefox128', 'safari17.5'],
    assetsInlineLimit: 0, // the policy allows no inline code, and a font or picture is cached by its own name
    modulePreload: { polyfill: false },
    rolldownOptions: { input: ['index.html', 'src/early.ts'] },
  },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/testing.ts'],
    testTimeout: 60_000,
    restoreMocks: true,
    unstubGlobals: true,
  },
})
