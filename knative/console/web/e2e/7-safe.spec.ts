import { describe, expect, it } from 'vitest'
import { aBrowser, expectAccessible, picture } from './browser'
import { aRun } from './run'
import { change } from './server'

const token = 'a token of alice'

describe('7. safe', () => {
  const server = aRun({ token, replicas: 1 })
  const browser = aBrowser()

  it('lets a reader see all', async () => {
    const page = await browser.open(server.url)
    await page.getByRole('heading', { name: 'Model A' }).waitFor()
    await page.goto(`${server.url}/#/models/model-a/effect`)
    await page.getByRole('row', { name: /Model A 10%/ }).waitFor()
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
  })

  it('moves nothing when it turns out that one may sign in', async () => {
    const page = await browser.open('about:blank')
    await page.addInitScript(() => {
      const sum = { shift: 0 }
      Object.assign(window, { sum })
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) sum.shift += (entry as PerformanceEntry & { value: number }).value
      }).observe({ type: 'layout-shift', buffered: true })
    })
    let go = () => {}
    const held = new Promise<void>((resolve) => (go = resolve))
    await page.route('**/api/live', async (route) => {
      await held
      await route.continue()
    })
    await page.goto(server.url)
    await page.getByRole('heading', { level: 1, name: 'Models' }).waitFor()
    go()
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
    await page.getByText('1 of 1').nth(2).waitFor()
    expect(await page.evaluate('new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(window.sum.shift))))')).toBe(0)
  })

  it('signs in with a token that is known, for this tab and as long as it is open', async () => {
    browser.expectComplaint(/status of 401/)
    const page = await browser.open(server.url)
    await page.getByRole('button', { name: 'Sign in' }).click()
    const dialog = page.getByRole('dialog', { name: 'Sign in' })
    await dialog.getByLabel('Token', { exact: true }).fill('wrong')
    await page.keyboard.press('Enter')
    await dialog.getByRole('alert').getByText('This needs a token that is known here.').waitFor()
    await expectAccessible(page)
    await picture(page, 'sign-in')
    await dialog.getByLabel('Token', { exact: true }).fill(token)
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: /alice/ }).waitFor()
    expect(await page.getByRole('dialog').count()).toBe(0)

    const kept = await page.evaluate(() => ({ session: JSON.stringify(sessionStorage), local: JSON.stringify(localStorage), cookie: document.cookie, address: location.href }))
    expect(kept.session).toContain(token)
    expect(kept.local + kept.cookie + kept.address).not.toContain(token)
    await page.reload()
    await page.getByRole('button', { name: /alice/ }).waitFor()
    const other = await page.context().newPage()
    await other.goto(server.url)
    await other.getByRole('button', { name: 'Sign in' }).waitFor()

    await page.getByRole('button', { name: /alice/ }).click()
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
    expect(await page.evaluate(() => JSON.stringify(sessionStorage))).not.toContain(token)
  })

  it('shows what others wrote as text, whatever it is', async () => {
    const page = await browser.open(server.url)
    const message = `<img src="x" onerror="document.title='hacked'"><script>document.title='hacked'</script>`
    await change(server.url, 'model-a', { bias: 91 }, message, token)
    await page.getByText(message).first().waitFor()
    await page.goto(`${server.url}/#/events`)
    await page.getByText(message).first().waitFor()
    expect(await page.title()).not.toContain('hacked')
  })

  it('runs no code but its own', async () => {
    browser.expectComplaint(/Content Security Policy|'script-src' was not explicitly set/)
    const page = await browser.open(server.url)
    await page.getByRole('heading', { name: 'Model A' }).waitFor()
    await page.evaluate(() => {
      const script = document.createElement('script')
      script.textContent = 'window.hacked = true'
      document.body.append(script)
      document.body.insertAdjacentHTML('beforeend', '<a href="#/" onclick="window.hacked = true" id="bait">bait</a>')
      document.getElementById('bait')!.click()
    })
    expect(await page.evaluate('window.hacked')).toBeUndefined()
    // Code from text, as a script of the page would try it: what the debugger evaluates itself is let through.
    const made = await page.evaluate(
      () =>
        new Promise((done) => {
          setTimeout(() => {
            try {
              done(Function('return 1')())
            } catch (error) {
              done((error as Error).name)
            }
          })
        }),
    )
    expect(made).toBe('EvalError')
  })

  it('talks to its own origin alone', async () => {
    const page = await browser.open('about:blank')
    const origins = new Set<string>()
    page.on('request', (request) => origins.add(new URL(request.url()).origin))
    await page.goto(`${server.url}/#/models/model-b/effect`)
    await page.getByText('442 of 442').waitFor()
    await page.goto(`${server.url}/#/events`)
    await page.getByRole('heading', { name: 'Events' }).waitFor()
    expect([...origins]).toEqual([server.url])
  })
})
