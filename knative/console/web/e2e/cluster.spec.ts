import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Replica, Share } from '../src/contract'
import { aBrowser, expectAccessible, looks, picture } from './browser'
import { deploy, modelOf, owner, signedIn, token, url } from './cluster'
import { ask, change } from './server'

/*
 * The same page before real Knative: what is different there, point by point. Versions go on where the registry is, and
 * the tests leave the models as they are deployed.
 */

const patient = [32.1, 101, 4.8598]

/** A machine that is small and busy takes its time to start a pod, or to end one. */
const patience = { timeout: 120_000 }

const predicted = async (model: string) => {
  const response = await ask(url, `/${model}/predict`, { method: 'POST', json: { input: patient } })
  expect(response.status).toBe(200)
  return { output: ((await response.json()) as { output: number }).output, revision: response.headers.get('Modelfn-Revision')!, version: Number(response.headers.get('Modelfn-Params-Version')) }
}

describe('on a cluster', { timeout: 300_000 }, () => {
  // Its origin has no TLS, and so is not held apart from others by that header.
  const browser = aBrowser([/Cross-Origin-Opener-Policy header has been ignored/])
  const open = async (hash: string, look?: Parameters<typeof browser.open>[1]) => signedIn(await browser.open('about:blank', look), hash)

  describe('1. the models', () => {
    beforeAll(() => void deploy('model-b', 'scale: {windowSeconds: 6}', '--promote'), 180_000)
    afterAll(() => void deploy('model-b', '', '--promote'), 180_000)

    it('are shown scaled to zero, and start with a request', async () => {
      const page = await browser.open(url)
      const card = page.getByRole('article').filter({ hasText: 'Model B' })
      await card.getByText('Scaled to zero').waitFor(patience)
      await picture(page, 'cluster-zero')
      const started = card.getByText(/[1-9] of [1-9] on v\d+/)
      await expect
        .poll(async () => {
          await predicted('model-b') // it would go to zero again soon
          return started.isVisible()
        }, { timeout: 120_000, interval: 2_000 })
        .toBe(true)
      await card.getByText('Ready').waitFor(patience)
      const { revisions } = await modelOf('model-b')
      expect(revisions.find((r) => r.percent === 100)).toMatchObject({ ready: true, paramsVersion: 0 })
    })
  })

  it('2. the effect names the revision that answered', async () => {
    const page = await browser.open(`${url}/#/models/model-b/effect`)
    for (const [i, name] of ['bmi', 'bp', 's5'].entries()) await page.getByRole('textbox', { name }).fill(String(patient[i]))
    const { output, revision, version } = await predicted('model-b')
    const row = page.getByRole('row', { name: /Model B 50%/ })
    await row.getByText(output.toFixed(2)).waitFor(patience)
    await row.getByText(`v${version} · ${revision}`).waitFor()
    await page.getByText('442 of 442 patients').waitFor()
  })

  describe('3. the params', () => {
    beforeAll(() => void deploy('model-a', 'scale: {min: 2}', '--promote'), 180_000)
    afterAll(() => void deploy('model-a', '', '--promote'), 180_000)

    it('are changed by who signed in, taken by every pod, and rolled back in one click', async () => {
      const { params, revisions } = await modelOf('model-a')
      const serving = revisions.find((r) => r.percent === 100)!.name
      // Those of the former revision end when it has had no request for a while.
      const running = async () => ((await (await ask(url, '/params/model-a/replicas')).json()) as { replicas: Replica[] }).replicas.filter((r) => r.state !== 'draining').map((r) => r.revision)
      await expect.poll(running, { timeout: 180_000, interval: 1_000 }).toEqual([serving, serving])
      const page = await browser.open(`${url}/#/models/model-a/params`)
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByRole('dialog').getByLabel('Token', { exact: true }).fill(token)
      await page.keyboard.press('Enter')
      await page.getByRole('button', { name: new RegExp(owner) }).waitFor()
      const bias = page.getByLabel('Param 4 bias')
      await bias.fill(String(Number(await bias.inputValue()) + 1))
      await page.getByRole('row', { name: /Proposed .* not saved/ }).waitFor(patience)
      await page.getByLabel('Message').fill('tried on the cluster')
      await page.getByRole('button', { name: 'Submit', exact: true }).click()
      const version = params!.version + 1
      await page.getByText(`All 2 replicas are on v${version}`).waitFor(patience)
      await page.getByText(/^after [\d.,]+ m?s$/).waitFor()
      expect(await page.getByText(new RegExp(`^${serving}-deployment-`)).count()).toBe(2)
      await picture(page, 'cluster-converged')

      await page.getByRole('listbox').getByRole('option', { name: new RegExp(`^v${params!.version} `) }).click()
      await page.getByRole('button', { name: `Roll back to v${params!.version}` }).click()
      await page.getByText(`All 2 replicas are on v${version + 1}`).waitFor(patience)
      expect((await modelOf('model-a')).params).toMatchObject({ version: version + 1, digest: params!.digest, author: owner })
    })
  })

  describe('4. versions and traffic', () => {
    let stable = ''
    let candidate = ''
    beforeAll(async () => {
      stable = await deployAlone()
      candidate = deploy('model-c', 'env: {LOG_LEVEL: error}', '--no-traffic')
    }, 240_000)
    afterAll(deployAlone, 180_000)

    /** As it is deployed, with no tag on another revision: deploy leaves those that it did not give. */
    async function deployAlone() {
      const revision = deploy('model-c', '', '--promote')
      await setTraffic([{ revision, percent: 100, tags: [] }])
      return revision
    }
    const setTraffic = async (traffic: Share[]) => {
      const { split } = await modelOf('model-c')
      const response = await ask(url, '/api/models/model-c/traffic', { method: 'POST', json: { traffic }, headers: { 'If-Match': `"${split}"`, Authorization: `Bearer ${token}` } })
      expect(response.status).toBe(200)
    }
    const shares = async () => Object.fromEntries((await modelOf('model-c')).revisions.filter((r) => r.percent > 0).map((r) => [r.name, r.percent]))

    it('show every revision: its image by digest, its params, its age, whether it is ready, its pods', async () => {
      const page = await open('#/models/model-c/traffic')
      for (const name of [stable, candidate]) {
        const row = page.getByRole('listitem', { name })
        await row.getByText('ready', { exact: true }).waitFor()
        await row.getByText(/model-c@sha256:[0-9a-f]{12}…/).waitFor()
        await row.getByText('follows what is current').waitFor()
        await row.getByText(/^(\d+ pods?|scaled to zero)$/).waitFor()
      }
      expect(await page.getByLabel(`Tags of ${candidate}`).inputValue()).toBe('candidate')
    })

    it('are split by hand, counted beside what was asked, and back in one click', async () => {
      const page = await open('#/models/model-c/traffic')
      await page.getByLabel(`Share of ${candidate}, percent`).fill('30')
      await page.getByLabel(`Share of ${stable}, percent`).fill('70')
      await page.getByRole('button', { name: 'Look at the change' }).click()
      const dialog = page.getByRole('dialog', { name: 'Change the traffic?' })
      await dialog.getByText('100 % → 70 %').waitFor()
      await picture(page, 'cluster-confirm')
      await dialog.getByRole('button', { name: 'Change it' }).click()
      // The ingress follows after a while: what was counted before that differs, and is counted again.
      const counted = async (name: RegExp) => {
        const row = page.getByRole('row', { name })
        const again = page.getByRole('button', { name: 'Count 200 predictions' })
        await expect
          .poll(async () => {
            await row.or(again).first().waitFor(patience)
            if ((await row.count()) === 0 && (await again.count()) > 0) await again.click()
            return row.count()
          }, patience)
          .toBe(1)
      }
      await counted(new RegExp(`${candidate} 30 % .* as asked`))
      await counted(new RegExp(`${stable} 70 % .* as asked`))
      await picture(page, 'cluster-counted')
      expect(await shares()).toEqual({ [stable]: 70, [candidate]: 30 })
      await page.getByText(new RegExp(`^Set by ${owner}, `)).waitFor()

      await page.getByRole('button', { name: 'Go back to it' }).click()
      await counted(new RegExp(`${stable} 100 % 100 % \\d+ as asked`))
      expect(await shares()).toEqual({ [stable]: 100 })
    })

    it('take a tag, and show who was first when two change them', async () => {
      const page = await open('#/models/model-c/traffic')
      const tags = page.getByLabel(`Tags of ${candidate}`)
      await tags.fill('candidate canary')
      await page.getByRole('button', { name: 'Look at the change' }).click()
      const dialog = page.getByRole('dialog', { name: 'Change the traffic?' })
      await dialog.getByText('tag canary added').waitFor()
      await dialog.getByRole('button', { name: 'Change it' }).click()
      await dialog.waitFor({ state: 'detached', ...patience })
      const tagged = async () => (await modelOf('model-c')).revisions.find((r) => r.name === candidate)!.tags.toSorted()
      await expect.poll(tagged, patience).toEqual(['canary', 'candidate'])

      // The page has asked whether it shall change what it saw; then somebody else does.
      await page.getByLabel(`Share of ${candidate}, percent`).fill('40')
      await page.getByLabel(`Share of ${stable}, percent`).fill('60')
      await page.getByRole('button', { name: 'Look at the change' }).click()
      await dialog.getByText('100 % → 60 %').waitFor()
      await setTraffic([
        { revision: stable, percent: 90, tags: [] },
        { revision: candidate, percent: 10, tags: ['candidate'] },
      ])
      browser.expectComplaint(/status of 412/)
      await dialog.getByRole('button', { name: 'Change it' }).click()
      await page.getByRole('heading', { name: 'Somebody else changed the traffic first' }).waitFor(patience)
      await page.getByRole('row', { name: new RegExp(`${candidate} both changed it 0 % canary candidate 40 % canary candidate 10 % candidate`) }).waitFor()
      expect(await page.getByLabel(`Share of ${candidate}, percent`).inputValue()).toBe('40')
      await page.getByRole('img', { name: new RegExp(`^Now.*${candidate} 10 %, ${stable} 90 %`) }).waitFor(patience)
      expect(await shares()).toEqual({ [stable]: 90, [candidate]: 10 })
      await picture(page, 'cluster-conflict')

      // Whoever goes on with what is theirs changes what stands now.
      await page.getByRole('button', { name: 'Go on with mine' }).click()
      await page.getByRole('button', { name: 'Look at the change' }).click()
      await dialog.getByText('90 % → 60 %').waitFor()
      await dialog.getByRole('button', { name: 'Change it' }).click()
      await dialog.waitFor({ state: 'detached', ...patience })
      await expect.poll(shares, patience).toEqual({ [stable]: 60, [candidate]: 40 })
    })

    it.each(looks)('are a pleasure to look at: $size, $language, $theme', async (look) => {
      const page = await open('#/models/model-c/traffic', look)
      await page.getByRole('listitem', { name: candidate }).waitFor()
      await expectAccessible(page)
      await picture(page, `cluster-traffic-${look.size}-${look.language}-${look.theme}`)
    })
  })

  it('5. the events come by themselves, with who and what', async () => {
    const page = await browser.open(`${url}/#/events`)
    await page.getByRole('listitem').first().waitFor()
    const { params } = await modelOf('component-d')
    const { params: values } = (await (await ask(url, '/params/component-d')).json()) as { params: { mean: number[] } }
    const { version } = await change(url, 'component-d', { mean: values.mean }, 'the same again', token)
    expect(version).toBe(params!.version + 1)
    const entry = page.getByRole('listitem').filter({ has: page.getByRole('link', { name: 'Component D' }), hasText: new RegExp(`v${version}\\b`) })
    await entry.getByText('the same again').waitFor(patience)
    await entry.getByText(owner, { exact: true }).waitFor()
  })

  describe('6. for everyone', () => {
    it.each(looks)('a pleasure to look at: $size, $language, $theme', async (look) => {
      for (const model of ['model-a', 'model-b', 'model-c']) await predicted(model)
      const name = `${look.size}-${look.language}-${look.theme}`
      const page = await open('#/', look)
      await page.getByRole('article').nth(3).waitFor()
      await expectAccessible(page)
      await picture(page, `cluster-models-${name}`)
      await page.goto(`${url}/#/models/model-b/effect`)
      await page.locator('svg[role=img] circle').first().waitFor(patience)
      await expectAccessible(page)
      await picture(page, `cluster-effect-${name}`)
      await page.goto(`${url}/#/models/model-b/params`)
      await page.getByLabel(/bias/).waitFor()
      await page.locator('svg[role=img] circle').first().waitFor(patience)
      await expectAccessible(page)
      await picture(page, `cluster-params-${name}`)
    })
  })

  it('7. a reader sees all and changes nothing, whatever is sent', async () => {
    const page = await browser.open(`${url}/#/models/model-c/params`)
    expect(await page.getByLabel('Param 4 bias').getAttribute('readonly')).not.toBeNull()
    expect(await page.getByRole('button', { name: 'Submit', exact: true }).count()).toBe(0)
    const before = await modelOf('model-c')
    const write = { method: 'PATCH', json: { params: { bias: 1 } }, headers: { 'If-Match': '*' } }
    expect((await ask(url, '/params/model-c', write)).status).toBe(401)
    expect((await ask(url, '/model-c/evaluate', { method: 'POST', json: { params: {}, inputs: [] } })).status).toBe(401)
    const traffic = { traffic: [{ revision: before.revisions[0]!.name, percent: 100, tags: [] }] }
    expect((await ask(url, '/api/models/model-c/traffic', { method: 'POST', json: traffic, headers: { 'If-Match': `"${before.split}"` } })).status).toBe(401)
    expect(await modelOf('model-c')).toMatchObject({ params: before.params, split: before.split })
  })
})
