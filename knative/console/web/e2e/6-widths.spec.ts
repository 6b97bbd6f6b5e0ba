import type { Locator, Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { aBrowser, sizes } from './browser'
import { aRun } from './run'

/** Where something begins from the left, in whole pixels. */
const left = async (one: Locator) => Math.round((await one.boundingBox())!.x)

const places = {
  models: { hash: '#/', there: (page: Page) => page.getByText('4 of 4').nth(2).waitFor() },
  effect: { hash: '#/models/model-b/effect', there: (page: Page) => page.getByText('442 of 442 patients').waitFor() },
  params: { hash: '#/models/model-a/params', there: (page: Page) => page.getByRole('listbox', { name: 'History' }).getByRole('option').first().waitFor() },
  events: { hash: '#/events', there: (page: Page) => page.getByRole('listitem').first().waitFor() },
}

describe('6. for everyone: at any width', () => {
  const server = aRun()
  const browser = aBrowser()

  async function open(place: keyof typeof places, size: keyof typeof sizes) {
    const page = await browser.open(`${server.url}/${places[place].hash}`, { size })
    await places[place].there(page)
    return page
  }

  /** What reaches beyond the screen to the right, and cannot be scrolled to within something else. */
  const beyond = (page: Page) =>
    page.evaluate(() => {
      const width = document.documentElement.clientWidth
      const held = (element: Element | null): boolean => element !== null && (getComputedStyle(element).overflowX !== 'visible' || held(element.parentElement))
      const wide = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > width + 1 && !held(e.parentElement))
      return [...(document.documentElement.scrollWidth > width ? [`the page: ${document.documentElement.scrollWidth} of ${width}`] : []), ...wide.map((e) => e.outerHTML.slice(0, 80))]
    })

  const all = (Object.keys(places) as (keyof typeof places)[]).flatMap((place) => (Object.keys(sizes) as (keyof typeof sizes)[]).map((size) => ({ place, size })))
  it.each(all)('nothing of the $place reaches beyond the screen: $size', async ({ place, size }) => {
    const page = await open(place, size)
    await expect.poll(() => beyond(page)).toEqual([])
    await page.setViewportSize({ width: 320, height: 640 }) // as narrow as WCAG's reflow asks for
    await expect.poll(() => beyond(page)).toEqual([])
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

  it('a finger hits what it is meant to: nothing is lower than 24 pixels', async () => {
    for (const place of Object.keys(places) as (keyof typeof places)[]) {
      const page = await open(place, 'phone')
      const small = await page.evaluate(() =>
        [...document.querySelectorAll('button, input, select, textarea')]
          .filter((e) => e.checkVisibility({ visibilityProperty: true }) && getComputedStyle(e).clipPath === 'none' && getComputedStyle(e).opacity !== '0')
          .map((e) => ({ html: e.outerHTML.slice(0, 80), height: e.getBoundingClientRect().height }))
          .filter(({ height }) => height < 24),
      )
      expect(small, place).toEqual([])
    }
  })
})
