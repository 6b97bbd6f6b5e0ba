import type { Locator, Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { aBrowser, expectFocus } from './browser'
import { Cluster } from './revisions'
import { aRun } from './run'
import { change } from './server'

const title = (page: Page, name: string) => page.getByRole('heading', { name, exact: true })
const bias = (page: Page) => page.getByLabel('Param 4 bias')

/** What was submitted, and is on its one replica. */
const followed = (page: Page) => page.getByRole('status').filter({ hasText: /^The one replica is on v/ })

const inHistory = (page: Page, version: number) => page.getByRole('listbox', { name: 'History' }).getByRole('option', { name: new RegExp(`^v${version} `) })

/** Presses a button as one does who has no mouse. */
const press = (page: Page, name: string | RegExp) => page.getByRole('button', { name, exact: true }).press('Enter')

describe('6. for everyone: a button that goes leaves the focus where it goes on', () => {
  const server = aRun({ replicas: 1 })
  const browser = aBrowser()

  async function collide() {
    const page = await browser.open(`${server.url}/#/models/model-a/params`)
    await bias(page).fill('130')
    await change(server.url, 'model-a', { bias: 90 + Math.random() }, 'the second writer')
    await press(page, 'Compare with mine')
    await expectFocus(title(page, 'Somebody else was first'))
    return page
  }

  it.each(['Go on with these', 'Keep all mine', 'Take all theirs', 'Not now'])('a conflict of params: %s', async (way) => {
    const page = await collide()
    await press(page, way)
    await expectFocus(title(page, 'Params'))
  })

  it('what is discarded, submitted, held', async () => {
    const page = await browser.open(`${server.url}/#/models/model-b/params`)
    await bias(page).fill('151')
    await press(page, 'Discard')
    await expectFocus(title(page, 'Params'))
    await bias(page).fill('152')
    await press(page, 'Submit')
    await expectFocus(followed(page))
    await press(page, 'Close')
    await expectFocus(title(page, 'Params'))
    await bias(page).fill('153')
    await press(page, 'Submit, but hold')
    await page.getByText(/^Dashed: v\d+ of the history/).waitFor()
    await expectFocus(title(page, 'Params'))
  })

  it('an effect that was looked at; and what stays keeps it', async () => {
    const page = await browser.open(`${server.url}/#/models/model-c/params`)
    const { version: now } = await change(server.url, 'model-c', { bias: 211 }, 'another')
    await inHistory(page, now - 1).click()
    await press(page, 'See its effect')
    await press(page, 'Back to what I type')
    await expectFocus(title(page, 'Effect'))
    await press(page, `Roll back to v${now - 1}`)
    await page.getByText(`The one replica is on v${now + 1}`).waitFor()
    await expectFocus(page.getByRole('button', { name: `Roll back to v${now - 1}` })) // which stays: it is an older one still
  })

  it('many inputs that are cleared', async () => {
    const page = await browser.open(`${server.url}/#/models/model-b/effect`)
    const table = page.getByRole('textbox', { name: /^Paste/ })
    await table.fill('1,2,3')
    await press(page, 'Clear')
    await expectFocus(table)
  })

  async function traffic() {
    const page = await browser.open('about:blank')
    const cluster = new Cluster()
    await cluster.stand(page, server.url)
    await page.goto(`${server.url}/#/models/model-b/traffic`)
    await page.getByLabel('Tags of model-b-00002').fill('stable')
    return { page, cluster }
  }

  it.each(['Go on with mine', 'Take what stands now', 'Not now'])('a conflict of traffic: %s', async (way) => {
    const { page, cluster } = await traffic()
    cluster.set([
      { revision: 'model-b-00002', percent: 50, tags: [] },
      { revision: 'model-b-00001', percent: 50, tags: [] },
    ])
    await press(page, 'Compare with mine')
    await expectFocus(page.getByRole('heading', { name: /^Somebody else changed the traffic first/ }))
    await press(page, way)
    await expectFocus(title(page, 'Revisions'))
  })

  it('traffic that is discarded, changed, and taken back', async () => {
    const { page } = await traffic()
    await press(page, 'Discard')
    await expectFocus(title(page, 'Revisions'))
    await page.getByLabel('Tags of model-b-00002').fill('stable')
    const review = page.getByRole('button', { name: 'Look at the change' })
    await review.press('Enter')
    await page.keyboard.press('Escape')
    await expectFocus(review)
    await review.press('Enter')
    await press(page, 'Change it')
    await page.getByText('The traffic is changed').waitFor()
    await expectFocus(title(page, 'Counted'))
    await press(page, 'Go back to it')
    await page.getByRole('row', { name: /model-b-00002 100 % 100 % 200 as asked/ }).waitFor()
    await expectFocus(page.getByRole('button', { name: 'Go back to it' })) // to what is the former one now
  })

  const inView = (one: Locator) =>
    one.evaluate((element) => {
      const { top, bottom } = element.getBoundingClientRect()
      return top >= 0 && bottom <= window.innerHeight
    })

  it('a phone stays where it is, and shows what came of it', async () => {
    const page = await browser.open(`${server.url}/#/models/model-a/params`, { size: 'phone' })
    const submit = page.getByRole('button', { name: 'Submit', exact: true })
    await bias(page).fill('161')
    await press(page, 'Discard')
    await expectFocus(title(page, 'Params'))
    expect(await inView(submit)).toBe(true)
    await bias(page).fill('162')
    await submit.press('Enter')
    await expectFocus(followed(page))
    expect(await inView(followed(page))).toBe(true)
  })

  it('a phone stays where it is while older revisions come below', async () => {
    const page = await browser.open('about:blank', { size: 'phone' })
    const cluster = new Cluster()
    cluster.revisions = Array.from({ length: 12 }, (_, i) => ({ ...cluster.revisions[1]!, name: `model-b-000${30 - i}`, percent: i === 0 ? 100 : 0 }))
    await cluster.stand(page, server.url)
    await page.goto(`${server.url}/#/models/model-b/traffic`)
    const more = page.getByRole('button', { name: 'Show 4 older ones' })
    await more.focus()
    const before = await page.evaluate(() => window.scrollY)
    expect(before).toBeGreaterThan(0)
    await more.press('Enter')
    await expectFocus(title(page, 'model-b-00022'))
    expect(await page.evaluate(() => window.scrollY)).toBe(before)
  })
})

describe('6. for everyone: who signs in goes on from there', () => {
  const token = 'a token of alice'
  const server = aRun({ token, replicas: 1 })
  const browser = aBrowser()

  async function signIn(page: Page) {
    await page.getByRole('dialog').getByLabel('Token', { exact: true }).fill(token)
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
  }

  it('in the bar above, and out again', async () => {
    const page = await browser.open(server.url)
    const button = page.getByRole('button', { name: 'Sign in' })
    await button.press('Enter')
    await page.keyboard.press('Escape')
    await expectFocus(button)
    await button.press('Enter')
    await signIn(page)
    const out = page.getByRole('button', { name: /alice/ })
    await expectFocus(out)
    await out.press('Enter')
    await expectFocus(button)
  })

  it('where something needs a token', async () => {
    const page = await browser.open(`${server.url}/#/models/model-a/params`)
    await change(server.url, 'model-a', { bias: 91 }, '', token)
    await inHistory(page, 1).click()
    await press(page, 'Show a token')
    await signIn(page)
    await expectFocus(page.getByRole('heading', { level: 3, name: 'v1' }))
  })
})
