import type { Locator, Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { aBrowser, expectAccessible, sizes } from './browser'
import { Cluster } from './revisions'
import { aRun } from './run'
import { change } from './server'

/** Where something begins from the left, in whole pixels. */
const left = async (one: Locator) => Math.round((await one.boundingBox())!.x)

/** The two who change the same: what one typed stands in the page when the other is first. */
const typed = (page: Page) => page.getByLabel('Param 4 bias').fill('130')

const places = {
  models: { hash: '#/', there: (page: Page) => page.getByText('4 of 4').nth(2).waitFor() },
  effect: { hash: '#/models/model-b/effect', there: (page: Page) => page.getByText('442 of 442 patients').waitFor() },
  params: { hash: '#/models/model-a/params', there: (page: Page) => page.getByRole('listbox', { name: 'History' }).getByRole('option').first().waitFor() },
  events: { hash: '#/events', there: (page: Page) => page.getByRole('listitem').first().waitFor() },
  traffic: { hash: '#/models/model-b/traffic', there: (page: Page) => page.getByRole('listitem', { name: 'model-b-00001' }).waitFor() },
  'conflict of params': {
    hash: '#/models/model-c/params',
    async there(page: Page, url: string) {
      await typed(page)
      await change(url, 'model-c', { bias: 100 + Math.random(), quantile: 0.87654321 }, 'the second writer')
      await page.getByRole('button', { name: 'Compare with mine' }).click()
      await page.getByRole('table', { name: 'Somebody else was first' }).waitFor()
    },
  },
  'conflict of traffic': {
    hash: '#/models/model-b/traffic',
    async there(page: Page, _: string, cluster: Cluster) {
      await page.getByLabel('Tags of model-b-00002').fill('stable')
      cluster.set([
        { revision: 'model-b-00002', percent: 50, tags: [] },
        { revision: 'model-b-00001', percent: 50, tags: ['the-one-of-before'] },
      ])
      await page.getByRole('button', { name: 'Compare with mine' }).click()
      await page.getByRole('table', { name: /^Somebody else changed the traffic first/ }).waitFor()
    },
  },
}

type PlaceName = keyof typeof places
type Size = keyof typeof sizes

const names = Object.keys(places) as PlaceName[]

describe('6. for everyone: at any width', () => {
  const server = aRun()
  const browser = aBrowser()

  async function open(name: PlaceName, size: Size) {
    const { hash, there } = places[name]
    const page = await browser.open('about:blank', { size })
    const cluster = new Cluster()
    if (hash.endsWith('traffic')) await cluster.stand(page, server.url)
    await page.goto(`${server.url}/${hash}`)
    await there(page, server.url, cluster)
    return page
  }

  /** What reaches beyond the screen to the right, and cannot be scrolled to within a part of the page. */
  const beyond = (page: Page) =>
    page.evaluate(() => {
      const width = document.documentElement.clientWidth
      const held = (element: Element | null): boolean =>
        element !== null && element !== document.body && (['auto', 'scroll'].includes(getComputedStyle(element).overflowX) || held(element.parentElement))
      const seen = (element: Element) => !element.closest('.unseen') // those are a pixel, and clipped
      const wide = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > width + 1 && seen(e) && !held(e.parentElement))
      return [...(document.documentElement.scrollWidth > width ? [`the page: ${document.documentElement.scrollWidth} of ${width}`] : []), ...wide.map((e) => e.outerHTML.slice(0, 80))]
    })

  const all = names.flatMap((place) => (Object.keys(sizes) as Size[]).map((size) => ({ place, size })))
  it.each(all)('nothing of the $place reaches beyond the screen: $size', async ({ place, size }) => {
    const page = await open(place, size)
    await expect.poll(() => beyond(page)).toEqual([])
    await page.setViewportSize({ width: 320, height: 640 }) // as narrow as WCAG's reflow asks for
    await expect.poll(() => beyond(page)).toEqual([])
  })

  /** Frames of the page that scroll and to which the keyboard does not come, neither to them nor into them; and those to which it comes in vain. */
  const unreached = (page: Page) =>
    page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>('body *')]
        .filter((e) => ['auto', 'scroll'].includes(getComputedStyle(e).overflowX))
        .filter((e) => {
          const over = e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight
          return over ? e.tabIndex < 0 && !e.querySelector('a[href], button, input') : e.role === 'group' && e.tabIndex === 0
        })
        .map((e) => e.outerHTML.slice(0, 80)),
    )

  it.each(names)('the keyboard comes to what scrolls, and to nothing that does not: %s', async (place) => {
    const page = await open(place, 'wide')
    for (const width of [1360, 320]) {
      await page.setViewportSize({ width, height: 860 })
      await expect.poll(() => unreached(page), { message: `${width} px` }).toEqual([])
      await expectAccessible(page)
    }
    if (place === 'conflict of params') await page.getByRole('group', { name: 'Somebody else was first' }).waitFor()
  })

  it.each([
    { size: 'phone', columns: 1 },
    { size: 'middle', columns: 2 },
    { size: 'wide', columns: 3 },
  ] as const)('the models stand in columns: $columns on $size', async ({ size, columns }) => {
    const page = await open('models', size)
    const cards = await page.getByRole('article').all()
    expect(new Set(await Promise.all(cards.map(left))).size).toBe(columns)
  })

  it.each([
    { size: 'phone', beside: false },
    { size: 'middle', beside: false },
    { size: 'wide', beside: true },
  ] as const)('the chart lies beside its inputs, and a version beside the history, where there is room: $size', async ({ size, beside }) => {
    const page = await open('effect', size)
    const chart = page.getByRole('img', { name: /over body mass index/ })
    expect((await left(chart)) > (await left(page.getByRole('textbox', { name: 'bmi' }))), 'the chart').toBe(beside)
    await page.goto(`${server.url}/${places.params.hash}`)
    await places.params.there(page)
    const detail = page.getByText('The first version: there is none before.')
    expect((await left(detail)) > (await left(page.getByRole('listbox', { name: 'History' }))) + 100, 'the version').toBe(beside)
  })

  /** WCAG 2.5.8: what is smaller than 24 pixels either way. A link or a button in a sentence has the height of its line, and a control that is not seen is hit by its label. */
  const small = (page: Page) =>
    page.evaluate(() => {
      const inSentence = (e: Element) => getComputedStyle(e).display === 'inline' && [...e.parentElement!.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.textContent!.trim() !== '')
      // A card is hit anywhere, as its link is spread over it.
      const target = (e: HTMLElement) => (getComputedStyle(e, '::after').position === 'absolute' && e.offsetParent) || e.closest('label') || e
      return [...document.querySelectorAll<HTMLElement>('a[href], summary, button, input, select, textarea')]
        .filter((e) => e.checkVisibility({ visibilityProperty: true }) && getComputedStyle(e).clipPath === 'none' && !inSentence(e))
        .map((e) => ({ html: e.outerHTML.slice(0, 100), box: target(e).getBoundingClientRect() }))
        .filter(({ box: { width, height } }) => width < 24 || height < 24)
        .map(({ html, box: { width, height } }) => `${width} × ${height}: ${html}`)
    })

  it.each(names)('a finger hits what it is meant to, nothing is smaller than 24 pixels: %s', async (place) => {
    for (const size of ['phone', 'wide'] as const) {
      const page = await open(place, size)
      expect(await small(page), size).toEqual([])
    }
  })
})
