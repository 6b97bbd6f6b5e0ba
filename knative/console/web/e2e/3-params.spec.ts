import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { aBrowser, expectAccessible, looks, picture, tabTo } from './browser'
import { aRun } from './run'
import { ask, change } from './server'

const bias = (page: Page) => page.getByLabel('Param 4 bias')
const submit = (page: Page) => page.getByRole('button', { name: 'Submit', exact: true }).click()

describe('3. the params of a model', () => {
  const server = aRun()
  const browser = aBrowser()
  const open = (model: string, look?: Parameters<typeof browser.open>[1]) => browser.open(`${server.url}/#/models/${model}/params`, look)
  const current = async (model: string) => (await (await ask(server.url, `/params/${model}`)).json()) as { version: number; digest: string; params: { bias: number; quantile: number }; requires: unknown; message: string }

  it('are a form made from their schema: numbers, vectors, ranges, descriptions', async () => {
    const page = await open('model-a')
    const { params } = await current('model-a')
    expect(await bias(page).inputValue()).toBe(String(params.bias))
    await page.getByText('the coefficients of bmi, bp and s5').waitFor()
    await page.getByText('above 0, below 1').waitFor()
    expect(await page.getByRole('group', { name: /weights/ }).getByRole('textbox').count()).toBe(3)
  })

  it('show what a change does before anything is saved; then every replica follows, and the page says how fast', async () => {
    const page = await open('model-b')
    const before = await current('model-b')
    await bias(page).fill('150.5')
    await page.getByRole('row', { name: /Proposed .* not saved/ }).waitFor()
    expect((await current('model-b')).version).toBe(before.version)

    await page.getByLabel('Message').fill('a try')
    await submit(page)
    await page.getByText('Changed: v').waitFor()
    const version = before.version + 1
    await page.getByText(`All 4 replicas are on v${version}`).waitFor()
    await page.getByText(/after [\d.,]+ ms/).waitFor()
    const after = await current('model-b')
    expect(after).toMatchObject({ version, message: 'a try', params: { bias: 150.5 }, requires: before.requires })
  })

  it('are changed by the keyboard alone, and changed back', async () => {
    const page = await open('model-c')
    await bias(page).waitFor()
    const before = await current('model-c')
    await tabTo(page, bias(page))
    await page.keyboard.press('ControlOrMeta+a')
    await page.keyboard.type('210.5')
    await tabTo(page, page.getByLabel('Message'))
    await page.keyboard.type('without a mouse')
    await tabTo(page, page.getByRole('button', { name: 'Submit', exact: true }))
    await page.keyboard.press('Enter')
    await page.getByText(`All 4 replicas are on v${before.version + 1}`).waitFor()
    expect(await current('model-c')).toMatchObject({ message: 'without a mouse', params: { bias: 210.5 } })

    await tabTo(page, page.getByRole('listbox', { name: 'History' }))
    await page.keyboard.press('ArrowDown')
    await tabTo(page, page.getByRole('button', { name: `Roll back to v${before.version}` }))
    await page.keyboard.press('Space')
    await page.getByText(`All 4 replicas are on v${before.version + 2}`).waitFor()
    expect((await current('model-c')).digest).toBe(before.digest)
  })

  it('lose nothing that is typed while they are saved', async () => {
    const page = await open('model-c')
    const before = await current('model-c')
    let go = () => {}
    const held = new Promise<void>((resolve) => (go = resolve))
    await page.route('**/params/model-c', async (route) => {
      if (route.request().method() === 'PUT') await held
      await route.continue()
    })
    await bias(page).fill('211')
    const asked = page.waitForRequest((request) => request.method() === 'PUT')
    await submit(page)
    await asked
    await bias(page).fill('212')
    await page.getByLabel('Param 5 quantile').fill('0.8')
    await page.getByLabel('Message').fill('and one more')
    go()
    const version = before.version + 1
    await page.getByText(`Changed: v${version}`).waitFor()
    await page.getByText(`from v${version}`).waitFor()
    expect((await current('model-c')).params.bias).toBe(211)
    expect(await bias(page).inputValue()).toBe('212')
    expect(await page.getByLabel('Param 5 quantile').inputValue()).toBe('0.8')
    expect(await page.getByLabel('Message').inputValue()).toBe('and one more')
    await submit(page)
    await page.getByText(`All 4 replicas are on v${version + 1}`).waitFor()
    expect(await current('model-c')).toMatchObject({ version: version + 1, message: 'and one more', params: { bias: 212, quantile: 0.8 } })
  })

  it('lose nothing that was typed: not on another page, not on a reload', async () => {
    const page = await open('model-c')
    await bias(page).fill('1e')
    await page.getByLabel('Message').fill('half typed')
    await page.getByRole('link', { name: 'Effect' }).click()
    await page.getByRole('link', { name: 'Params' }).click()
    expect(await bias(page).inputValue()).toBe('1e')
    await page.reload()
    await expect.poll(() => bias(page).inputValue()).toBe('1e')
    expect(await page.getByLabel('Message').inputValue()).toBe('half typed')
    await page.getByRole('button', { name: 'Discard' }).click()
    expect(Number(await bias(page).inputValue())).toBeGreaterThan(0)
  })

  it('say what is wrong at the field, the server’s words too', async () => {
    const page = await open('model-a')
    await bias(page).fill('1,5')
    await page.getByText('Write a point instead of the comma.').waitFor()
    await bias(page).fill('90')
    // What the page could have known is kept from it here, so that only the server finds it.
    browser.expectComplaint(/status of 400/)
    await page.route('**/params/model-a/schema', async (route) => {
      const schema = (await (await route.fetch()).json()) as { properties: { quantile: object } }
      schema.properties.quantile = { type: 'number' }
      await route.fulfill({ json: schema })
    })
    await page.reload()
    await page.getByLabel('Param 5 quantile').fill('2')
    await page.getByText(/^2 is not (above 0 and )?below 1$/).waitFor()
    expect(await page.getByLabel('Param 5 quantile').getAttribute('aria-invalid')).toBe('true')
    await submit(page)
    await page.getByText('The params could not be changed').first().waitFor()
    expect(await page.getByLabel('Param 5 quantile').inputValue()).toBe('2')
  })

  it('show a conflict: who changed what, and let the person decide', async () => {
    const page = await open('model-a')
    await bias(page).fill('130')
    const theirs = await change(server.url, 'model-a', { bias: 99, quantile: 0.2 }, 'second writer')
    await page.getByText(`v${theirs.version} came while you were typing`).waitFor()
    browser.expectComplaint(/status of 412/)
    await submit(page)
    const conflict = page.getByRole('region', { name: 'Somebody else was first' })
    await conflict.getByText('second writer').waitFor()
    await conflict.getByRole('row', { name: /bias both changed it/ }).waitFor()
    await expectAccessible(page)
    await picture(page, 'params-conflict')
    await page.getByRole('button', { name: 'Go on with these' }).click()
    expect(await bias(page).inputValue()).toBe('130')
    expect(await page.getByLabel('Param 5 quantile').inputValue()).toBe('0.2')
    await submit(page)
    await page.getByText(`All 4 replicas are on v${theirs.version + 1}`).waitFor()
    expect((await current('model-a')).params).toMatchObject({ bias: 130, quantile: 0.2 })
  })

  it('can be held, seen in the effect, and promoted', async () => {
    const page = await open('model-c')
    const before = await current('model-c')
    await bias(page).fill('333')
    await page.getByRole('button', { name: 'Submit, but hold' }).click()
    const held = before.version + 1
    await page.getByText(`Held as v${held}: nothing uses it yet`).waitFor()
    expect((await current('model-c')).version).toBe(before.version)
    await page.getByText(`Dashed: v${held} of the history.`).waitFor()
    await page.getByRole('row', { name: /Proposed .* not saved/ }).waitFor()
    await page.getByRole('button', { name: `Promote v${held}` }).click()
    await page.getByText(`All 4 replicas are on v${held + 1}`).waitFor()
    expect((await current('model-c')).params.bias).toBe(333)
  })

  it('have a history: a diff of any two, and a rollback in one click', async () => {
    await change(server.url, 'model-b', { bias: 160 }, 'up')
    const { version } = await change(server.url, 'model-b', { bias: 170 }, 'up again')
    const page = await open('model-b')
    await page.getByRole('option', { name: /up again/ }).waitFor()
    await page.getByRole('listbox', { name: 'History' }).focus()
    await page.keyboard.press('End')
    await page.getByText('The first version: there is none before.').waitFor()
    await page.getByRole('radio', { name: 'another' }).check({ force: true })
    await page.getByLabel('Version', { exact: true }).fill(String(version))
    await page.getByRole('row', { name: /bias 170/ }).waitFor()
    await page.getByRole('button', { name: 'Roll back to v1' }).click()
    await page.getByText(`All 4 replicas are on v${version + 1}`).waitFor()
    expect((await current('model-b')).digest).toBe(((await (await ask(server.url, '/params/model-b/versions/1')).json()) as { digest: string }).digest)
  })

  it('of component D are changed too, and a model takes the new version when a person says so', async () => {
    const page = await open('component-d')
    await page.getByRole('heading', { name: 'Models that require it' }).waitFor()
    const before = await current('model-a')
    await page.getByLabel('Param 1 mean[0]').fill('26')
    await submit(page)
    await page.getByText('v2 is current. The models go on with the version that they pin.').waitFor()
    expect((await current('model-a')).requires).toEqual(before.requires)
    await page.getByRole('link', { name: 'Model A' }).click()
    await page.getByText('v2 is the newest').waitFor()
    await page.getByLabel('Component D').selectOption('2')
    await page.getByText('Dashed: what you propose. Nothing is saved yet. With Component D v2.').waitFor()
    const proposed = await page.getByRole('row', { name: /Proposed .* not saved/ }).getByRole('cell').first().textContent()
    expect((await current('model-a')).digest).toBe(before.digest)
    const served = page.getByRole('row', { name: /Model A/ }).getByRole('cell').first()
    expect(await served.textContent()).not.toBe(proposed)
    await submit(page)
    await page.getByText(/All 4 replicas are on v/).waitFor()
    await expect.poll(() => served.textContent()).toBe(proposed)
    expect((await current('model-a')).requires).toMatchObject({ 'component-d': { version: 2 } })
  })

  it('stay smooth with 1,000 versions', async () => {
    const { version } = await current('component-d')
    for (let v = version; v < 1_000; v++) await change(server.url, 'component-d', { mean: [20 + v / 1_000, 94, 4.6] }, `step ${v + 1}`)
    const page = await open('component-d')
    const list = page.getByRole('listbox', { name: 'History' })
    await list.getByText('step 1000').waitFor()
    expect(await list.getByRole('option').count()).toBeLessThan(40)
    await list.focus()
    await page.keyboard.press('End')
    await list.getByText('first start').waitFor()
    await page.keyboard.press('Home')
    for (let i = 0; i < 30; i++) await page.keyboard.press('PageDown')
    await list.getByText('step 820').waitFor()
    expect(await list.getByRole('option').count()).toBeLessThan(40)
  })

  it.each(looks)('are a pleasure to look at: $size, $language, $theme', async (look) => {
    const page = await open('model-a', look)
    await page.getByLabel(/bias/).fill('111')
    await page.getByText(/not saved|未保存/).first().waitFor()
    await expectAccessible(page)
    await picture(page, `params-${look.size}-${look.language}-${look.theme}`)
  })

  it('wait for a server that is gone, and go on when it is back', async () => {
    const page = await open('model-c')
    await bias(page).fill('222')
    await page.getByRole('row', { name: /Proposed .* not saved/ }).waitFor()
    browser.expectComplaint(/ERR_|status of 50|net::/)
    await server.run.down()
    await page.getByText('The server does not answer').waitFor()
    await submit(page)
    await page.getByText('Nobody answers.').first().waitFor()
    expect(await bias(page).inputValue()).toBe('222')
    await server.run.up()
    await page.getByText('The server does not answer').waitFor({ state: 'detached', timeout: 60_000 })
    await submit(page)
    await page.getByText(/All 4 replicas are on v/).waitFor()
    expect((await current('model-c')).params.bias).toBe(222)
  })
})
