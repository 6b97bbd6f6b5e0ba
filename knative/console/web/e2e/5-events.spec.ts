import { describe, expect, it } from 'vitest'
import { aBrowser, expectAccessible, looks, picture } from './browser'
import { aRun } from './run'
import { change } from './server'

describe('5. the events', () => {
  const server = aRun()
  const browser = aBrowser()

  it('come by themselves, with who, what and when, and where they are', async () => {
    const page = await browser.open(`${server.url}/#/events`)
    await page.getByRole('listitem').filter({ hasText: 'Model A began with v1' }).waitFor()
    const { version } = await change(server.url, 'model-a', { bias: 90 }, 'a bit up')
    const entry = page.getByRole('listitem').filter({ hasText: `Model A changed to v${version}` })
    await entry.getByText('a bit up').waitFor()
    await entry.getByText('local').waitFor()
    await entry.getByText(/now|seconds? ago/).waitFor()
    await entry.getByText('current').waitFor()
    await entry.getByRole('link', { name: 'Model A' }).click()
    await page.getByRole('heading', { level: 1, name: 'Model A' }).waitFor()
  })

  it('are found by model and by word', async () => {
    await change(server.url, 'model-b', { bias: 150 }, 'something rare')
    const page = await browser.open(`${server.url}/#/events`)
    await page.getByText('something rare').waitFor()
    await page.getByLabel('Search').fill('rare')
    await expect.poll(() => page.getByRole('listitem').count()).toBe(1)
    await page.getByLabel('Model', { exact: true }).selectOption('model-c')
    await page.getByText('Nothing fits.').waitFor()
  })

  it.each(looks)('are a pleasure to look at: $size, $language, $theme', async (look) => {
    const page = await browser.open(`${server.url}/#/events`, look)
    await page.getByRole('listitem').first().waitFor()
    await expectAccessible(page)
    await picture(page, `events-${look.size}-${look.language}-${look.theme}`)
  })
})
