/*
 * Measures how the page loads, and how it behaves, and prints that as JSON; hack/bench page calls it:
 *
 *   node e2e/measure.mjs http://127.0.0.1:8080 --rounds 5 --saves 20 --versions 1000
 *
 * Each place is loaded with an empty cache, in turn with a page of one line from a server of its own, on slow connections and as
 * it is: times are medians in milliseconds, bytes are those on the wire. It is there when all of its content is painted: every model
 * that the server has, or the curve of every model in the chart. Then params of model-a are changed on the page: how long it takes
 * from the click until the page shows that the last replica has them. Last the page gets a hundred models, and many versions of one: how long
 * the server takes to answer what the page asks then, how long the lists take to appear, and the frames while one goes through them. What it
 * writes stays in the run's registry.
 */
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { parseArgs } from 'node:util'
import { chromium } from 'playwright-core'

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' }, saves: { type: 'string', default: '20' }, versions: { type: 'string', default: '1000' } },
})
const url = positionals[0] ?? 'http://127.0.0.1:8080'
const [rounds, saves, versions] = [options.rounds, options.saves, options.versions].map(Number)

/**
 * Slow is WebPageTest's "3G Fast": Chromium delays each request by the round trip, and no handshake.
 * Preset is what DevTools offers as "Slow 4G", and offered as "Fast 3G", and what Lighthouse has Chromium emulate: it delays each request by as much as a new connection takes there, so that
 * whatever comes with the second request of a page is there after 1,125 ms.
 */
const networks = {
  slow: { offline: false, latency: 150, downloadThroughput: 1.6e6 / 8, uploadThroughput: 768e3 / 8 },
  preset: { offline: false, latency: 562.5, downloadThroughput: 1.44e6 / 8, uploadThroughput: 675e3 / 8 },
  local: undefined,
}

const bare = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>bare</title><p>One line.'))
await new Promise((listens) => bare.listen(0, '127.0.0.1', listens))

const howMany = async () => (await (await fetch(`${url}/api/models`)).json()).models.length

/** A place is there when it has as many of the sign. */
const places = {
  bare: { address: `http://127.0.0.1:${bare.address().port}/`, sign: ['p', 1] },
  models: { address: `${url}/#/`, sign: ['article', await howMany()] },
  effect: { address: `${url}/#/models/model-b/effect`, sign: ['svg[role=img] circle', 3] },
}

const { args } = createRequire(import.meta.url)('./chromium.json')
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args })
try {
  console.log(JSON.stringify({ ...(await loads()), save: await save(), many: await many() }, null, 2))
} finally {
  await browser.close()
  bare.close()
}

async function loads() {
  const samples = Object.fromEntries(Object.keys(places).map((place) => [place, Object.fromEntries(Object.keys(networks).map((network) => [network, []]))]))
  for (let i = 0; i < rounds; i++) {
    for (const [network, conditions] of Object.entries(networks)) {
      for (const [place, { address, sign }] of Object.entries(places)) samples[place][network].push(await load(address, sign, conditions))
    }
  }
  const summary = (list) => Object.fromEntries(Object.keys(list[0]).map((key) => [key, key === 'layoutShift' ? Math.max(...list.map((s) => s[key])) : median(list.map((s) => s[key]))]))
  return Object.fromEntries(Object.entries(samples).map(([place, by]) => [place, Object.fromEntries(Object.entries(by).map(([network, list]) => [network, summary(list)]))]))
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
}

async function load(address, sign, conditions) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 860 } })
  const page = await context.newPage()
  const debug = await context.newCDPSession(page)
  await debug.send('Network.enable')
  if (conditions) await debug.send('Network.emulateNetworkConditions', conditions)
  const bytes = { Script: 0, Stylesheet: 0 }
  const kinds = new Map()
  debug.on('Network.responseReceived', ({ requestId, type }) => kinds.set(requestId, type))
  debug.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    const kind = kinds.get(requestId)
    if (kind in bytes) bytes[kind] += encodedDataLength
  })
  await page.addInitScript(watch, sign)
  await page.goto(address)
  await page.waitForFunction(() => window.shown !== undefined)
  await page.waitForTimeout(1_000) // for what moves late
  const { shown, shift, paint } = await page.evaluate(() => ({ shown: window.shown, shift: window.shift, paint: performance.getEntriesByName('first-contentful-paint')[0].startTime }))
  await context.close()
  return { firstContentfulPaint: paint, contentShown: shown, javascriptBytes: bytes.Script, styleBytes: bytes.Stylesheet, layoutShift: shift }
}

/** Runs in the page, before all else: notes when all of the content is painted, and how much moves. */
function watch([sign, count]) {
  window.shift = 0
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.shift += entry.value
  }).observe({ type: 'layout-shift', buffered: true })
  const observer = new MutationObserver(() => {
    if (document.querySelectorAll(sign).length < count) return
    observer.disconnect()
    requestAnimationFrame(() => setTimeout(() => (window.shown = performance.now()))) // after the frame is painted
  })
  observer.observe(document, { subtree: true, childList: true })
}

async function save() {
  const page = await (await browser.newContext({ locale: 'en' })).newPage()
  await page.goto(`${url}/#/models/model-a/params`)
  const bias = page.getByRole('textbox', { name: /bias/ })
  await bias.waitFor()
  const times = []
  for (let i = 0; i < saves; i++) {
    await bias.fill(String(91 + i / 10))
    const submit = page.getByRole('button', { name: 'Submit', exact: true })
    await submit.click({ trial: true })
    times.push(await submit.evaluate(clickUntilAllHaveIt))
  }
  return { saves, median: median(times), slowest: Math.max(...times) }
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

async function many() {
  await fill()
  const asked = { models: '/api/models', params: '/params', newest: '/params/component-d/versions?limit=50', oldest: '/params/component-d/versions?limit=50&before=51' }
  const server = {}
  for (const [name, path] of Object.entries(asked)) server[name] = await answered(path)
  const page = await (await browser.newContext({ locale: 'en', viewport: { width: 1360, height: 860 } })).newPage()
  const { first, each } = await busy()
  await page.addInitScript(watch, ['article', await howMany()])
  await page.addInitScript(streamOf, first)
  await page.goto(`${url}/#/`)
  await page.waitForFunction(() => window.shown !== undefined)
  const models = await page.evaluate(() => window.shown)
  let second = 0
  const telling = setInterval(() => void page.evaluate((events) => events.forEach(window.tell), each(++second)).catch(() => clearInterval(telling)), 1_000) // until the page is closed
  // A card's place in the list, as to ask where a card itself is has the browser lay it out though it is not seen.
  const modelFrames = await frames(page, 'li:has(> article)', async (i) => {
    // Down through all of them in thirty steps, and up again.
    const step = await page.evaluate(() => (document.documentElement.scrollHeight - innerHeight) / 30)
    await page.mouse.wheel(0, i < 30 ? step : -step)
  })
  await page.goto(`${url}/#/models/component-d/params`)
  const list = page.getByRole('listbox', { name: 'History' })
  await list.getByRole('option').first().waitFor()
  await list.focus()
  const versionFrames = await frames(page, '[role=option][aria-selected=true]', (i) => page.keyboard.press(i < 30 ? 'PageDown' : 'PageUp'))
  clearInterval(telling)
  return { server, models, modelFrames, versions, versionFrames }
}

/** What the stream would tell at first, and with each second, if all models were deployed and busy: their cards have all that a card can have. */
async function busy() {
  const list = await (await fetch(`${url}/api/models`)).json()
  const { replicas } = await (await fetch(`${url}/params/model-b/replicas`)).json()
  const deployed = list.models.find((m) => m.name === 'model-b')
  const models = list.models.map((m) => ({ ...deployed, name: m.name, params: m.params }))
  const begin = Math.floor(Date.now() / 1000)
  const stats = (i) => ({ at: begin + i, models: Object.fromEntries(models.map(({ name }, m) => [name, { requests: Math.abs(i * 7 + m) % 40, errors: m % 9 === 0 ? Math.abs(i % 3) : 0, p50: 1 + Math.abs(i % 5), p99: 9 + Math.abs(i % 7) }])) })
  const replicasOf = ({ name, params: { version } }) => ['replicas', { model: name, version, replicas: replicas.map((r) => ({ ...r, version })) }]
  const written = (events) => events.map(([name, data]) => [name, JSON.stringify(data)])
  return {
    first: written([['models', { ...list, models }], ...models.map(replicasOf), ['history', { seconds: Array.from({ length: 60 }, (_, i) => stats(i - 59)) }]]),
    each(second) {
      const changed = models[second % models.length]
      changed.params = { ...changed.params, version: changed.params.version + 1 }
      return written([['stats', stats(second)], ['models', { ...list, models }], replicasOf(changed)])
    },
  }
}

/** Runs in the page, before all else: its stream tells this at first, and then what `tell` is given. */
function streamOf(first) {
  window.EventSource = class extends EventTarget {
    readyState = 1
    constructor() {
      super()
      window.tell = ([name, data]) => this.dispatchEvent(new MessageEvent(name, { data }))
      setTimeout(() => first.forEach(window.tell))
    }
    close() {
      this.readyState = 2
    }
  }
}

/** The median of how long the whole answer takes, in milliseconds. */
async function answered(path) {
  const times = []
  for (let i = 0; i < 20; i++) {
    const begin = performance.now()
    const response = await fetch(url + path)
    await response.arrayBuffer()
    if (!response.ok) throw new Error(`${path}: ${response.status}`)
    times.push(performance.now() - begin)
  }
  return median(times)
}

/**
 * Frames in milliseconds while something is done sixty times: the 95th of a hundred, and the longest; and the longest task of the page, 0 if the
 * browser called none long. Each time something else has to be seen.
 */
async function frames(page, sign, act) {
  await page.evaluate(() => {
    window.frames95 = []
    window.tasks = []
    window.tasksSeen?.disconnect()
    window.tasksSeen = new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((e) => e.duration)))
    window.tasksSeen.observe({ type: 'longtask' })
    let last = performance.now()
    const step = (now) => {
      window.frames95.push(now - last)
      last = now
      window.stepping = requestAnimationFrame(step)
    }
    window.stepping = requestAnimationFrame(step)
  })
  const seen = new Set()
  for (let i = 0; i < 60; i++) {
    await act(i)
    seen.add(
      await page.evaluate((sign) => new Promise((done) => requestAnimationFrame(() => done([...document.querySelectorAll(sign)].find((e) => e.getBoundingClientRect().top >= 60)?.textContent ?? ''))), sign),
    )
  }
  if (seen.size < 3) throw new Error(`nothing moved: ${[...seen]}`)
  const [all, tasks] = await page.evaluate(() => {
    cancelAnimationFrame(window.stepping)
    return [window.frames95.slice(1).toSorted((a, b) => a - b), window.tasks]
  })
  return { p95: all[Math.floor(all.length * 0.95)], longest: all.at(-1), longestTask: Math.max(0, ...tasks) }
}

async function fill() {
  const send = async (method, path, body) => {
    const response = await fetch(url + path, { method, body: JSON.stringify(body), headers: { 'Content-Type': 'application/json', 'If-Match': '*' } })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  }
  const others = Array.from({ length: 96 }, (_, i) => [`model-${String(i).padStart(3, '0')}`, { params: { weights: [1, 2, 3], bias: i }, schema: { type: 'object' } }])
  await send('PUT', '/params', Object.fromEntries(others))
  for (let v = 2; v <= versions; v++) await send('PATCH', '/params/component-d', { params: { mean: [20 + v / versions, 94, 4.6] }, message: `step ${v}` })
}
