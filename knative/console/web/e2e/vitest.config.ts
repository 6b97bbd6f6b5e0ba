import { defineConfig } from 'vitest/config'

/** Each numbered spec is one point of what the page is for, in a real browser before a real run; with MODELFN_URL, before a cluster. */
export default defineConfig({
  test: {
    dir: 'e2e',
    include: [process.env.MODELFN_URL ? 'cluster.spec.ts' : '[0-9]-*.spec.ts'],
    environment: 'node',
    fileParallelism: false, // a run and a browser are enough for a small machine
    sequence: { shuffle: false },
    expect: { poll: { timeout: 30_000 } }, // a busy machine is no reason to fail
    testTimeout: 90_000,
    hookTimeout: 90_000,
  },
})
