import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { aBrowser, expectAccessible, looks, picture } from './browser'
import { aRun } from './run'
import { change, predict } from './server'

const patient = [32.1, 101, 4.8598]

async function type(page: Page, values: number[]) {
  for (const [i, name] of ['bmi', 'bp', 's5'].entries()) await page.getByRole('textbox', { name }).fill(String(values[i]))
}

describe('2. the effect of a model', () => {
  const server = aRun()
  const browser = aBrowser()
  const open = (model: string, look?: Parameters<typeof browser.open>[1]) => browser.open(`${server.url}/#/models/${model}/effect`, look)

  it('is what the model says, as one types, with the params and the revision that answered', async () => {
    const page = await open('model-b')
    await type(page, patient)
    const value = await predict(server.url, 'model-b', patient)
    await page.getByRole('status').filter({ hasText: value.toFixed(1) }).first().waitFor()
    const row = page.getByRole('row', { name: /Model B 50%/ })
    await row.getByText(value.toFixed(2)).waitFor()
    await row.getByText('v1 · local').waitFor()
  })

  it('is the same by slider, number field and keyboard', async () => {
    const page = await open('model-b')
    const field = page.getByRole('textbox', { name: 'bmi' })
    await field.fill('30')
    const slider = page.getByRole('slider', { name: 'bmi' })
    await expect.poll(() => slider.inputValue()).toBe('30')
    await slider.focus()
    await page.keyboard.press('ArrowRight')
    await expect.poll(() => field.inputValue()).toBe('30.05')
    await field.focus()
    await page.keyboard.press('Shift+ArrowUp')
    await expect.poll(() => field.inputValue()).toBe('30.55')
  })

  it('never shows the answer to an older question', async () => {
    const page = await open('model-b')
    await page.getByText('442').waitFor()
    // The first answers are held up, and so come after the later ones.
    let held = 0
    await page.route('**/predict', async (route) => {
      if (held++ < 3) await new Promise((go) => setTimeout(go, 1_500))
      await route.continue().catch(() => {}) // by then the page gave it up
    })
    await type(page, [20, 80, 4])
    await type(page, patient)
    const value = (await predict(server.url, 'model-b', patient)).toFixed(2)
    const shown = page.getByRole('row', { name: /Model B/ }).getByRole('cell').first()
    await expect.poll(() => shown.textContent()).toBe(value)
    await page.waitForTimeout(2_000) // until those held up would have come
    expect(await shown.textContent()).toBe(value)
  })

  it('is drawn with its family as median and interval, over each input, with the patient and the training data', async () => {
    const page = await open('model-b')
    await type(page, patient)
    const [low, high] = [await predict(server.url, 'model-a', patient), await predict(server.url, 'model-c', patient)]
    await page.getByText('80% interval').waitFor()
    await page.getByText(`${low.toFixed(1)} – ${high.toFixed(1)}`).waitFor()
    const chart = page.getByRole('img', { name: /over body mass index .* from 18 to 42.2. .*Model A: from .*Model C: from .*Model B: from/ })
    await chart.waitFor()
    expect(await chart.locator('circle').count()).toBe(3)
    await page.getByText('442 of 442 patients').waitFor()
    await page.getByRole('radio', { name: 'bp' }).check({ force: true })
    await page.getByRole('img', { name: /over average blood pressure \(mmHg\), from 62 to 133/ }).waitFor()
  })

  it('follows a finger on the chart', async () => {
    const page = await open('model-b')
    const chart = page.getByRole('img', { name: /over body mass index/ })
    const box = (await chart.boundingBox())!
    await page.mouse.move(box.x + 60, box.y + 100)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width - 30, box.y + 100, { steps: 5 })
    await page.mouse.up()
    await expect.poll(async () => Number(await page.getByRole('textbox', { name: 'bmi' }).inputValue())).toBeGreaterThan(41)
  })

  it('says what is wrong with an input, keeps it, and asks nothing', async () => {
    const page = await open('model-b')
    await page.getByRole('row', { name: /Model B/ }).waitFor()
    let asked = 0
    page.on('request', (request) => void (request.url().endsWith('/predict') && asked++))
    await page.getByRole('textbox', { name: 'bp' }).fill('12x')
    await page.getByText('This is no number.').waitFor()
    await page.getByRole('textbox', { name: 's5' }).fill('9')
    await page.getByText('Outside of the training data').waitFor()
    expect(await page.getByRole('textbox', { name: 'bp' }).inputValue()).toBe('12x')
    expect(asked).toBe(0)
  })

  it('takes a table for many, and gives the answers to take along', async () => {
    const page = await open('model-b')
    const many = page.getByRole('textbox', { name: 'Paste a table' })
    await many.fill('bmi,bp,s5\n32.1,101,high')
    await page.getByText('Line 2, s5: “high” is no number.').waitFor()
    const rows = Array.from({ length: 120 }, (_, i) => [20 + i / 10, 80, 4.5])
    await many.fill(`id;bmi;bp;s5\n${rows.map((row, i) => [i, ...row].join(';')).join('\n')}`)
    await page.getByText('120 answers').waitFor()
    const value = await predict(server.url, 'model-b', rows[7])
    const [csv] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'CSV' }).click()])
    const lines = (await readFile(await csv.path(), 'utf8')).trim().split('\r\n')
    expect(lines[0]).toBe('bmi,bp,s5,model-a,model-a params,model-b,model-b params,model-c,model-c params')
    expect(lines).toHaveLength(121)
    expect(lines[8]!.split(',')[5]).toBe(String(value))
    const [json] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'JSON' }).click()])
    const list = JSON.parse(await readFile(await json.path(), 'utf8')) as { outputs: Record<string, { value: number }> }[]
    expect(list[7]!.outputs['model-b']!.value).toBe(value)
    await page.getByRole('button', { name: 'Show row 8 in the chart' }).click()
    await expect.poll(() => page.getByRole('textbox', { name: 'bmi' }).inputValue()).toBe('20.7')
  })

  it('loses nothing on a reload', async () => {
    const page = await browser.open(`${server.url}/#/models/model-b/effect`)
    const [bmi, table] = [page.getByRole('textbox', { name: 'bmi' }), page.getByRole('textbox', { name: /^Paste/ })]
    await bmi.fill('33.3')
    await table.fill('bmi,bp,s5\n20,80,4')
    await page.reload()
    await expect.poll(() => bmi.inputValue()).toBe('33.3')
    expect(await table.inputValue()).toBe('bmi,bp,s5\n20,80,4')
    await page.getByText('1 answer').waitFor()
  })

  it('takes a file that is dropped', async () => {
    const page = await open('model-b')
    const box = page.getByRole('textbox', { name: 'Paste a table' })
    await box.waitFor()
    const transfer = await page.evaluateHandle(() => {
      const data = new DataTransfer()
      data.items.add(new File(['[[32.1,101,4.8598]]'], 'patients.json', { type: 'application/json' }))
      return data
    })
    await box.dispatchEvent('drop', { dataTransfer: transfer })
    await page.getByText('1 answer').waitFor()
  })

  it('reads a file again that was changed meanwhile, and brings back what was typed before', async () => {
    const page = await open('model-b')
    const box = page.getByRole('textbox', { name: 'Paste a table' })
    await box.fill('20,80,4')
    const file = join(await mkdtemp(join(tmpdir(), 'modelfn-file-')), 'patients.csv')
    const choose = async (text: string) => {
      await writeFile(file, text)
      const chooser = page.waitForEvent('filechooser')
      await page.getByRole('button', { name: 'Choose a file' }).click()
      await (await chooser).setFiles(file)
      await expect.poll(() => box.inputValue()).toBe(text)
    }
    await choose('32.1,101,4.8598')
    await picture(page, 'effect-file')
    await page.getByRole('button', { name: 'Bring back what was there' }).click()
    expect(await box.inputValue()).toBe('20,80,4')
    await choose('21.6,87,3.8918')
    await page.getByText('1 answer').waitFor()
  })

  it.each(looks)('is a pleasure to look at: $size, $language, $theme', async (look) => {
    const page = await open('model-b', look)
    await page.getByText(/patients of the training|位患者/).waitFor()
    await page.locator('textarea').fill('32.1,101,4.8598\n21.6,87,3.8918\n30.5,93,4.6728')
    await page.getByText(/3 answers|3 个结果/).waitFor()
    await expectAccessible(page)
    await picture(page, `effect-${look.size}-${look.language}-${look.theme}`)
  })

  it('draws crossed quantiles as they are, marks them, and follows new params by itself', async () => {
    const page = await open('model-b')
    await page.getByRole('row', { name: /Model A 10%.*v1/ }).waitFor()
    const { version } = await change(server.url, 'model-a', { bias: 180 }, 'far too high')
    await page.getByRole('row', { name: new RegExp(`Model A 10%.*v${version}`) }).waitFor()
    await page.getByText('The quantiles cross').waitFor()
    await page.getByText(/For bmi from [\d.]+ to [\d.]+\./).waitFor()
    await picture(page, 'effect-crossed')
  })
})
