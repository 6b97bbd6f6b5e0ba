import { describe, expect, it } from 'vitest'
import { aBrowser, expectAccessible, picture } from './browser'
import { aRun } from './run'

describe('6. for everyone', () => {
  const server = aRun()
  const browser = aBrowser()

  it('speaks the language of the browser, and the other one at a click, from then on', async () => {
    const page = await browser.open(server.url, { language: 'zh' })
    await page.getByRole('heading', { name: '模型 A' }).waitFor()
    expect(await page.locator('html').getAttribute('lang')).toBe('zh-CN')
    await page.getByRole('button', { name: 'Switch to English' }).click()
    await page.getByRole('heading', { name: 'Model A' }).waitFor()
    await page.reload()
    await page.getByRole('heading', { name: 'Model A' }).waitFor()
  })

  it('is light or dark as the system is, and as one likes', async () => {
    const page = await browser.open(server.url, { theme: 'dark' })
    const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
    await expect.poll(ground).toBe('rgb(15, 18, 19)')
    await page.getByRole('button', { name: /^Theme/ }).click()
    await expect.poll(ground).toBe('rgb(247, 248, 247)')
    await page.reload()
    await expect.poll(ground).toBe('rgb(247, 248, 247)')
  })

  it('can be used by the keyboard alone', async () => {
    const page = await browser.open(server.url)
    await page.getByRole('heading', { name: 'Model C' }).waitFor()
    const press = async (...keys: string[]) => {
      for (const key of keys) await page.keyboard.press(key)
    }
    const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() || document.activeElement?.getAttribute('aria-label') || document.activeElement?.tagName)

    await press('Tab')
    expect(await focused()).toBe('Skip to the content')
    await press('Enter', 'Tab')
    expect(await focused()).toBe('Model A')
    await press('Tab', 'Enter')
    await page.getByRole('heading', { level: 1, name: 'Model B' }).waitFor()
    await expect.poll(focused).toBe('Model B') // the title has the focus, and so is read out
    await press('Tab', 'Tab')
    expect(await focused()).toBe('Params')
    await press('Tab')
    await expect.poll(() => page.evaluate(() => (document.activeElement as HTMLInputElement).value)).toBe('30.1')
    await press('ArrowUp')
    await page.getByRole('img', { name: /over body mass index/ }).waitFor()
    await press('Tab')
    expect(await focused()).toBe('bmi, slider')
    await press('Tab', 'Tab', 'Tab', 'Tab', 'Tab', 'ArrowRight')
    await page.getByRole('img', { name: /over average blood pressure/ }).waitFor()
  })

  it('says that the server is away, keeps what was there, and goes on by itself', async () => {
    browser.expectComplaint(/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/)
    const page = await browser.open(server.url)
    await page.getByText('4 of 4').first().waitFor()
    await server.run.down()
    await page.getByText('The server does not answer').waitFor()
    expect(await page.getByRole('article').count()).toBe(4)
    await picture(page, 'gone')
    await server.run.up()
    await page.getByText('The server does not answer').waitFor({ state: 'detached' })
    await page.getByText('4 of 4').first().waitFor()
  })

  it('says so when there is nobody from the start, and has its content when somebody is', async () => {
    browser.expectComplaint(/status of 503|ERR_CONNECTION_REFUSED/)
    const page = await browser.open('about:blank')
    // It asks by itself, less and less often; what it would do in four seconds is left to the button.
    await page.addInitScript(() => {
      const soon = window.setTimeout.bind(window)
      window.setTimeout = ((act: () => void, pause = 0, ...rest: unknown[]) => (pause >= 4_000 ? 0 : soon(act, pause, ...rest))) as typeof window.setTimeout
    })
    let asked = 0
    await page.route('**/api/live', (route) => (asked++, route.fulfill({ status: 503 })))
    await page.goto(server.url)
    const gone = page.getByRole('main').getByText('The server does not answer')
    await gone.waitFor()
    await page.getByRole('heading', { level: 1, name: 'Models' }).waitFor()
    await page.getByText('Trying again…').waitFor()
    expect(await page.getByRole('article').count()).toBe(0)
    await expectAccessible(page)
    await picture(page, 'nobody')
    await expect.poll(() => asked, { timeout: 30_000 }).toBe(3)
    await page.unroute('**/api/live')
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByText('4 of 4').nth(2).waitFor()
    await gone.waitFor({ state: 'detached' })

    await page.route('**/params/model-a*', (route) => route.abort('connectionrefused'))
    await page.route('**/params/model-a/**', (route) => route.abort('connectionrefused'))
    await page.goto(`${server.url}/#/models/model-a/params`)
    const alert = page.getByRole('alert')
    await alert.getByText('Nobody answers.').waitFor()
    await page.unrouteAll()
    await alert.getByRole('button', { name: 'Try again' }).click()
    await page.getByLabel('Param 4 bias').waitFor()
    expect(await page.getByRole('alert').count()).toBe(0)
  })

  it.each([
    ['en', 'Load it again'],
    ['zh', '重新加载'],
  ] as const)('has words and a way on where a file of the page does not come, whichever it is: %s', async (language, again) => {
    browser.expectComplaint(/ERR_FAILED/)
    const page = await browser.open('about:blank', { language })
    await page.route('**/assets/early*.js', (route) => route.abort())
    await page.goto(server.url)
    const way = page.getByRole('link', { name: again })
    expect(await way.isVisible()).toBe(false) // not before it may still come
    await way.waitFor()
    await expectAccessible(page)
    await picture(page, `without-${language}`)
    await page.unrouteAll()
    await way.click()
    await page.getByText(/4 of 4|4 个中有 4 个/).first().waitFor()
    expect(await way.count()).toBe(0)
  })

  it('says that a model says no, in its words, and asks again when told to', async () => {
    browser.expectComplaint(/status of 503/)
    const page = await browser.open(server.url)
    const busy = { status: 503, headers: { 'Retry-After': '2' }, contentType: 'application/json', body: '{"error":"too many requests at once","id":"f00d"}' }
    await page.route('**/model-b/predict', (route) => route.fulfill(busy))
    await page.goto(`${server.url}/#/models/model-b/effect`)
    const alert = page.getByRole('alert')
    await alert.getByText('Model B did not answer').waitFor()
    await alert.getByText('too many requests at once').waitFor()
    await alert.getByText('It asks to wait 2 s.').waitFor()
    await alert.getByText('f00d').waitFor()
    await picture(page, 'says-no')
    await page.unroute('**/model-b/predict')
    await alert.getByRole('button', { name: 'Try again' }).click()
    await page.getByRole('row', { name: /Model B 50%/ }).waitFor()
    expect(await page.getByRole('alert').count()).toBe(0)
  })

  it('says when it takes longer than one likes to wait', async () => {
    const page = await browser.open(server.url)
    let go = () => {}
    const gone = new Promise<void>((resolve) => (go = resolve))
    await page.route('**/predict', async (route) => {
      await gone
      await route.continue()
    })
    await page.goto(`${server.url}/#/models/model-b/effect`)
    await page.getByText('Still waiting').waitFor()
    go()
    await page.getByRole('row', { name: /Model B/ }).waitFor()
    await page.getByText('Still waiting').waitFor({ state: 'detached' })
  })

  it('asks nothing while nobody looks', async () => {
    const page = await browser.open(`${server.url}/#/models/model-b/effect`)
    await page.getByRole('row', { name: /Model B/ }).waitFor()
    const streamEnded = page.waitForEvent('requestfailed', (request) => request.url().endsWith('/api/live'))
    let asked = 0
    page.on('request', () => asked++)
    const turn = (state: string) =>
      page.evaluate((state) => {
        Object.defineProperty(document, 'visibilityState', { value: state, configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))
      }, state)
    await turn('hidden')
    await streamEnded
    await page.waitForTimeout(3_000)
    expect(asked).toBe(0)
    await Promise.all([page.waitForRequest('**/api/live'), turn('visible')])
  })

  it('stays usable with a hundred models', async () => {
    const page = await browser.open(server.url)
    const { models: [, sample], ...list } = (await (await fetch(`${server.url}/api/models`)).json()) as { models: object[] }
    const models = Array.from({ length: 100 }, (_, i) => ({ ...sample, name: `forecast-${i}` }))
    await page.route('**/api/live', (route) =>
      route.fulfill({ contentType: 'text/event-stream', body: `retry: 60000\n\nevent: models\ndata: ${JSON.stringify({ ...list, models })}\n\n` }),
    )
    await page.reload()
    await page.getByRole('article').nth(99).waitFor()
    await page.getByRole('searchbox', { name: 'Search' }).fill('forecast-77')
    await expect.poll(() => page.getByRole('article').count()).toBe(1)
  })

  it('is small, and its parts are kept for ever', async () => {
    const page = await browser.open('about:blank')
    const sizes: number[] = []
    const kept: (string | undefined)[] = []
    page.on('response', async (response) => {
      if (!response.url().includes('/assets/')) return
      kept.push(response.headers()['cache-control'])
      if (response.url().endsWith('.js')) sizes.push((await response.request().sizes()).responseBodySize)
    })
    await page.goto(server.url, { waitUntil: 'load' })
    await page.getByText('4 of 4').first().waitFor()
    const total = sizes.reduce((a, b) => a + b, 0)
    expect(total).toBeGreaterThan(10_000)
    expect(total).toBeLessThan(200 * 1024)
    expect(kept.every((c) => c?.includes('immutable'))).toBe(true)
  })

  it('moves nothing while it loads', async () => {
    const page = await browser.open('about:blank')
    await page.addInitScript(() => {
      const sum = { shift: 0 }
      Object.assign(window, { sum })
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) sum.shift += (entry as PerformanceEntry & { value: number }).value
      }).observe({ type: 'layout-shift', buffered: true })
    })
    for (const place of ['#/', '#/models/model-b/effect']) {
      await page.goto(`${server.url}/${place}`)
      await page.getByText(/4 of 4|442 of 442/).first().waitFor()
      await page.waitForTimeout(1_000)
      expect(await page.evaluate('window.sum.shift'), place).toBe(0)
      await page.goto('about:blank')
    }
  })
})
