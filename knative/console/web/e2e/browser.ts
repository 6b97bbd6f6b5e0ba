import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { args } from './chromium.json'

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args, chromiumSandbox: false })
}

export const sizes = { phone: { width: 390, height: 844 }, middle: { width: 834, height: 1112 }, wide: { width: 1360, height: 860 } }

interface Look {
  language?: 'en' | 'zh'
  theme?: 'light' | 'dark'
  size?: keyof typeof sizes
}

/** Pages of a browser for all tests of a file. After each test, nothing may have gone wrong in them that was not expected, there or always. */
export function aBrowser(always: RegExp[] = []) {
  let browser: Browser
  const wrong: string[] = []
  const expected: RegExp[] = []
  beforeAll(async () => void (browser = await launch()))
  afterAll(() => browser.close())
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()))
    const unexpected = wrong.splice(0).filter((text) => ![...always, ...expected].some((pattern) => pattern.test(text)))
    expected.length = 0
    expect(unexpected).toEqual([])
  })
  return {
    /** What the browser may complain of in this test. */
    expectComplaint: (pattern: RegExp) => void expected.push(pattern),
    /** Opens an address as a person with these wishes does: a profile of its own, and nothing kept. */
    async open(address: string, { language = 'en', theme = 'light', size = 'wide' }: Look = {}, more: BrowserContextOptions = {}): Promise<Page> {
      const context = await browser.newContext({
        viewport: sizes[size],
        locale: language === 'zh' ? 'zh-CN' : 'en-GB',
        colorScheme: theme,
        reducedMotion: 'reduce',
        hasTouch: size !== 'wide',
        ...more,
      })
      const page = await context.newPage()
      page.on('pageerror', (error) => wrong.push(error.message))
      page.on('console', (message) => void (message.type() === 'error' && wrong.push(message.text())))
      await page.goto(address)
      return page
    },
  }
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Has axe look at the page as it is now; there is nothing that it finds. */
export async function expectAccessible(page: Page) {
  // Into the page's world by the debugger, as the page's policy lets no other script in.
  await page.evaluate(axe)
  const found = (await page.evaluate(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
    violations.map(({ id, nodes }) => id + ': ' + nodes.map((n) => n.target.join(' ') + ' ' + (n.any[0]?.message ?? '')).join('; ')))`)) as string[]
  expect(found).toEqual([])
}

const folder = resolve(import.meta.dirname, '../out')

/** Keeps a picture of the whole page, to be looked at. */
export async function picture(page: Page, name: string) {
  mkdirSync(folder, { recursive: true })
  await page.evaluate(() => {
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur()
    window.scrollTo(0, 0)
  })
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true })
}

/** Presses Tab until the focus is on something, as one does who has no mouse. */
export async function tabTo(page: Page, target: Locator) {
  for (let i = 0; i < 80; i++) {
    if (await target.evaluate((element) => element === document.activeElement)) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`the keyboard does not come to ${target}`)
}

/** The focus comes to something. */
export async function expectFocus(on: Locator) {
  await expect.poll(() => on.evaluate((element) => element === document.activeElement)).toBe(true)
}

export const looks: Required<Look>[] = [
  ...(['phone', 'wide'] as const).flatMap((size) => (['en', 'zh'] as const).flatMap((language) => (['light', 'dark'] as const).map((theme) => ({ size, language, theme })))),
  { size: 'middle', language: 'en', theme: 'light' },
  { size: 'middle', language: 'zh', theme: 'dark' },
]
