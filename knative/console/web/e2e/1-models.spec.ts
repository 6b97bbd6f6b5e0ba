import { describe, expect, it } from 'vitest'
import { aBrowser, expectAccessible, looks, picture } from './browser'
import { Cluster } from './revisions'
import { aRun } from './run'
import { ask, change, predict } from './server'

describe('1. the models', () => {
  const server = aRun()
  const browser = aBrowser()

  it('have a card each: what it does, its state, its params, and who changed them when', async () => {
    const page = await browser.open(server.url)
    const card = page.getByRole('article').filter({ hasText: 'Model A' })
    await card.getByText('Ready').waitFor()
    await card.getByText('Predicts a quantile').waitFor()
    await card.getByText('v1').first().waitFor()
    await card.getByText(/by local, (now|\d+ (second|minute)s? ago)/).waitFor()
    await page.getByRole('article').filter({ hasText: 'Component D' }).getByText('Inside the models').waitFor()
    expect(await page.getByRole('article').count()).toBe(4)
  })

  it('show their replicas follow new params, without a reload', async () => {
    const page = await browser.open(server.url)
    const card = page.getByRole('article').filter({ hasText: 'Model A' })
    await card.getByText('4 of 4 on v1').waitFor()
    await page.evaluate(() => Object.assign(window, { notReloaded: true }))
    const { version } = await change(server.url, 'model-a', { bias: 90 }, 'a bit up')
    await card.getByText(`4 of 4 on v${version}`).waitFor()
    await card.getByText('a bit up').waitFor()
    expect(await page.evaluate('window.notReloaded')).toBe(true)
  })

  it('show how many requests they answer, and how fast', async () => {
    const page = await browser.open(server.url)
    const card = page.getByRole('article').filter({ hasText: 'Model B' })
    await card.getByText('4 of 4').waitFor()
    const rate = () => card.getByRole('img', { name: /^Requests/ }).getAttribute('aria-label')
    await expect
      .poll(async () => {
        await predict(server.url, 'model-b', [32.1, 101, 4.8598])
        return rate()
      }, { timeout: 30_000 })
      .toMatch(/: [1-9]\d* at most, 0 failed/)
    await card.getByRole('img', { name: /now p50 [\d.]+ ms, p99 [\d.]+ ms/ }).waitFor()
  })

  it('lead to their pages', async () => {
    const page = await browser.open(server.url)
    await page.getByRole('link', { name: 'Model C' }).click()
    await page.getByRole('heading', { level: 1, name: 'Model C' }).waitFor()
    expect(page.url()).toContain('#/models/model-c/effect')
  })

  it.each(looks)('are a pleasure to look at: $size, $language, $theme', async (look) => {
    const page = await browser.open(server.url, look)
    await page.getByText(/4 of 4|4 个中有 4 个/).first().waitFor()
    for (let i = 0; i < 8; i++) for (const m of ['a', 'b', 'c']) await predict(server.url, `model-${m}`, [32.1, 101, 4.8598])
    await page.getByRole('img', { name: /p50 [\d.]+ ms/ }).first().waitFor()
    await expectAccessible(page)
    await picture(page, `models-${look.size}-${look.language}-${look.theme}`)
  })

  it('appear by themselves as they are deployed', async () => {
    const page = await browser.open('about:blank')
    const cluster = new Cluster()
    cluster.without = 'model-c'
    await cluster.stand(page, server.url)
    await page.goto(server.url)
    await page.getByRole('article').filter({ hasText: 'Model B' }).waitFor()
    expect(await page.getByRole('article').count()).toBe(3)
    await page.evaluate(() => Object.assign(window, { notReloaded: true }))
    cluster.without = ''
    const card = page.getByRole('article').filter({ hasText: 'Model C' })
    await card.getByText('Ready').waitFor()
    await card.getByText('v1').first().waitFor()
    await card.getByText('requests/s').waitFor()
    expect(await page.evaluate('window.notReloaded')).toBe(true)
  })

  it('appear by themselves, and what they become as well', async () => {
    const page = await browser.open(server.url)
    await page.getByRole('article').nth(3).waitFor()
    await page.evaluate(() => Object.assign(window, { notReloaded: true }))
    const forecast = { params: { weights: [1, 2, 3], bias: 4 }, schema: { type: 'object' } }
    expect((await ask(server.url, '/params', { method: 'PUT', json: { forecast }, headers: { 'If-Match': '*' } })).ok).toBe(true)
    const card = page.getByRole('article').filter({ hasText: 'forecast' })
    await card.getByText('Not deployed').waitFor()
    await card.getByText('v1').first().waitFor()
    await change(server.url, 'forecast', { bias: 5 }, 'warmer')
    await card.getByText('v2').waitFor()
    await card.getByText('warmer').waitFor()
    expect(await page.getByRole('article').count()).toBe(5)
    expect(await page.evaluate('window.notReloaded')).toBe(true)
  })
})
