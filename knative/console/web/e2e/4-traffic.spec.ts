import { describe, expect, it } from 'vitest'
import { aBrowser, expectAccessible, looks, picture, tabTo } from './browser'
import { Cluster, colleague } from './revisions'
import { aRun } from './run'

describe('4. versions and traffic', () => {
  const server = aRun({ replicas: 1 })
  const browser = aBrowser()

  async function open(look?: Parameters<typeof browser.open>[1]) {
    const page = await browser.open('about:blank', look)
    const cluster = new Cluster()
    await cluster.stand(page, server.url)
    await page.goto(`${server.url}/#/models/model-b/traffic`)
    return { page, cluster }
  }

  it('shows every revision: its image, params, age, readiness, pods', async () => {
    const { page } = await open()
    const pinned = page.getByRole('listitem', { name: 'model-b-00001' })
    await pinned.getByText('pinned to v1').waitFor()
    await pinned.getByText('scaled to zero').waitFor()
    await pinned.getByText('3 days ago').waitFor()
    await pinned.getByText('model-b@sha256:111111111111…').waitFor()
    await page.getByRole('listitem', { name: 'model-b-00002' }).getByText('2 pods').waitFor()
    await page.getByText(`Set by ${colleague}, 5 minutes ago.`).waitFor()
  })

  it('sets a split by hand: seen before, confirmed, counted, and taken back in one click', async () => {
    const { page } = await open()
    await page.getByLabel('Share of model-b-00003, percent').fill('20')
    await page.getByText('The shares add up to 120 %, and not to 100 %.').waitFor()
    await page.getByLabel('Share of model-b-00002, percent').fill('80')
    await page.getByRole('img', { name: /^Proposed.*model-b-00003 20 %, model-b-00002 80 %/ }).waitFor()
    await page.getByRole('button', { name: 'Look at the change' }).click()
    const dialog = page.getByRole('dialog', { name: 'Change the traffic?' })
    await dialog.getByText('100 % → 80 %').waitFor()
    await expectAccessible(page)
    await picture(page, 'traffic-confirm')
    await dialog.getByRole('button', { name: 'Change it' }).click()
    await page.getByRole('row', { name: /model-b-00003 20 % 20 % 40 as asked/ }).waitFor()
    await picture(page, 'traffic-counted')
    await page.getByRole('button', { name: 'Go back to it' }).click()
    await page.getByRole('row', { name: /model-b-00002 100 % 100 % 200 as asked/ }).waitFor()
  })

  it('is set by the keyboard alone, and taken back', async () => {
    const { page } = await open()
    const candidate = page.getByLabel('Share of model-b-00003, percent')
    await candidate.waitFor()
    await tabTo(page, candidate)
    await page.keyboard.press('ControlOrMeta+a')
    await page.keyboard.type('10')
    await tabTo(page, page.getByRole('slider', { name: /model-b-00003/ }))
    await page.keyboard.press('ArrowRight') // and the others make room
    await expect.poll(() => page.getByLabel('Share of model-b-00002, percent').inputValue()).toBe('89')
    await tabTo(page, page.getByRole('button', { name: 'Look at the change' }))
    await page.keyboard.press('Enter')
    const dialog = page.getByRole('dialog', { name: 'Change the traffic?' })
    await dialog.getByText('100 % → 89 %').waitFor()
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    await tabTo(page, page.getByRole('button', { name: 'Look at the change' })) // where the focus was
    await page.keyboard.press('Enter')
    await tabTo(page, dialog.getByRole('button', { name: 'Change it' }))
    await page.keyboard.press('Enter')
    await page.getByRole('row', { name: /model-b-00003 11 % 11 % 22 as asked/ }).waitFor()
    await tabTo(page, page.getByRole('button', { name: 'Go back to it' }))
    await page.keyboard.press('Space')
    await page.getByRole('row', { name: /model-b-00002 100 % 100 % 200 as asked/ }).waitFor()
  })

  it('moves a share with the slider, and the others make room', async () => {
    const { page } = await open()
    await page.getByRole('slider', { name: /model-b-00003/ }).fill('35')
    await expect.poll(() => page.getByLabel('Share of model-b-00002, percent').inputValue()).toBe('65')
  })

  it('keeps what was typed, on a reload and when somebody else was first', async () => {
    const { page, cluster } = await open()
    await page.getByLabel('Tags of model-b-00002').fill('stable')
    await page.reload()
    await expect.poll(() => page.getByLabel('Tags of model-b-00002').inputValue()).toBe('stable')
    await page.getByRole('button', { name: 'Look at the change' }).click()
    cluster.set([
      { revision: 'model-b-00002', percent: 50, tags: [] },
      { revision: 'model-b-00001', percent: 50, tags: [] },
    ])
    browser.expectComplaint(/status of 412/)
    await page.getByRole('button', { name: 'Change it' }).click()
    const conflict = page.getByRole('region', { name: /^Somebody else changed the traffic first/ })
    await conflict.getByText(`Set by ${colleague}, 5 minutes ago.`).waitFor()
    await expectAccessible(page)
    await picture(page, 'traffic-conflict')
    expect(await page.getByLabel('Tags of model-b-00002').inputValue()).toBe('stable')
  })

  it.each(looks)('is a pleasure to look at: $size, $language, $theme', async (look) => {
    const { page } = await open(look)
    await page.getByRole('textbox').first().fill('20')
    await page.getByRole('img').nth(1).waitFor()
    await expectAccessible(page)
    await picture(page, `traffic-${look.size}-${look.language}-${look.theme}`)
  })
})
