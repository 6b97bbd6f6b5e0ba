/*
 * Measures how the page loads, and prints it as JSON: node e2e/measure.mjs http://127.0.0.1:8080
 *
 * Each place is loaded with an empty cache, five times, on a connection of 1.6 Mbit/s with 150 ms of delay (Lighthouse's slow 4G), and as
 * it is; times are medians in milliseconds. Bytes are those on the wire.
 */
import { chromium } from 'playwright-core'

const url = process.argv[2] ?? 'http://127.0.0.1:8080'
const rounds = 5
const slow = { offline: false, latency: 150, downloadThroughput: (1.6e6 / 8) * 0.9, uploadThroughput: (750e3 / 8) * 0.9 }
const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args })
try {
  const results = {}
  for (const [name, hash, sign] of [
    ['models', '#/', 'article'],
    ['effect', '#/models/model-b/effect', 'svg[role=img] circle'],
  ]) {
    results[name] = { slow: await measure(hash, sign, slow), local: await measure(hash, sign) }
  }
  console.log(JSON.stringify(results, null, 2))
} finally {
  await browser.close()
}

async function measure(hash, sign, network) {
  const samples = []
  for (let i = 0; i < rounds; i++) samples.push(await load(hash, sign, network))
  const median = (key) => samples.map((s) => s[key]).toSorted((a, b) => a - b)[Math.floor(rounds / 2)]
  return Object.fromEntries(Object.keys(samples[0]).map((key) => [key, key === 'layoutShift' ? Math.max(...samples.map((s) => s[key])) : median(key)]))
}

async function load(hash, sign, network) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 860 } })
  const page = await context.newPage()
  const debug = await context.newCDPSession(page)
  await debug.send('Network.enable')
  if (network) await debug.send('Network.emulateNetworkConditions', network)
  const bytes = { javascript: 0, style: 0 }
  const kinds = new Map()
  debug.on('Network.responseReceived', ({ requestId, type }) => kinds.set(requestId, type))
  debug.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    if (kinds.get(requestId) === 'Script') bytes.javascript += encodedDataLength
    if (kinds.get(requestId) === 'Stylesheet') bytes.style += encodedDataLength
  })
  await page.addInitScript(() => {
    window.shift = 0
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.shift += entry.value
    }).observe({ type: 'layout-shift', buffered: true })
  })
  await page.goto(`${url}/${hash}`)
  await page.locator(sign).first().waitFor()
  const content = await page.evaluate(() => performance.now())
  await page.waitForTimeout(500)
  const { paint, shift } = await page.evaluate(() => ({ paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime, shift: window.shift }))
  await context.close()
  return { firstContentfulPaint: Math.round(paint), contentShown: Math.round(content), javascriptBytes: bytes.javascript, styleBytes: bytes.style, layoutShift: shift }
}
