/*
 * Measures how the page loads, and prints it as JSON: node e2e/measure.mjs http://127.0.0.1:8080
 *
 * Each place is loaded with an empty cache, five times, on a connection of 1.6 Mbit/s with 150 ms of delay (Lighthouse's slow 4G), and as
 * it is; times are medians in milliseconds. Bytes are those on the wire. Then params of model-a are changed on the page: how long it takes from the
 * click until the page shows that the last replica has them.
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
  results.save = await save()
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

async function save() {
  const page = await (await browser.newContext({ locale: 'en' })).newPage()
  await page.goto(`${url}/#/models/model-a/params`)
  const bias = page.getByRole('textbox', { name: /bias/ })
  await bias.waitFor()
  const former = await bias.inputValue()
  const times = []
  for (const value of [91, 92, 93, 94, 95, 96, 97, 98, 99, 100, former]) {
    await bias.fill(String(value))
    const submit = page.getByRole('button', { name: 'Submit', exact: true })
    await submit.click({ trial: true })
    times.push(await submit.evaluate(clickUntilAllHaveIt))
  }
  times.sort((a, b) => a - b)
  return { saves: times.length, median: Math.round(times[Math.floor(times.length / 2)]), slowest: Math.round(times.at(-1)) }
}

/** Runs in the page: clicks, and looks at every change of it until it says that all replicas are on another version than before. */
function clickUntilAllHaveIt(button) {
  const said = () => /(?:All \d+ replicas are|The one replica is) on (v\d+)/.exec(document.querySelector('main').textContent)?.[1]
  const before = said()
  return new Promise((done) => {
    const begin = performance.now()
    const observer = new MutationObserver(() => {
      const now = said()
      if (now === undefined || now === before) return
      observer.disconnect()
      requestAnimationFrame(() => done(performance.now() - begin))
    })
    observer.observe(document.body, { subtree: true, childList: true, characterData: true })
    button.click()
  })
}
