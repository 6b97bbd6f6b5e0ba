import { act, render, screen, waitFor } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import * as api from '../api'
import type { Document, ModelInfo, Replica } from '../contract'
import { live } from '../live/live'
import { Trouble } from '../trouble'
import { Effect } from './Effect'

const model = (name: string, version = 1, more: Partial<ModelInfo> = {}): ModelInfo => ({
  name,
  kind: 'model',
  signature: { inputs: [{ name: 'x', datatype: 'FP64', shape: [], range: { min: 0, max: 2 } }], outputs: [{ name: 'y', datatype: 'FP64', shape: [] }] },
  state: 'ready',
  params: { version, digest: `sha256:${version}`, requires: [] },
  revisions: [],
  ...more,
})

/** What each model answers, by its name: everywhere the same, from which version. */
let answers: Record<string, { value: number; version: number } | Trouble>
let predict: ReturnType<typeof spy>
const spy = () => vi.spyOn(api, 'predict')
const asked = () => predict.mock.calls.map(([name]) => name)

beforeEach(() => {
  answers = {}
  predict = spy().mockImplementation(async (name, inputs) => {
    const answer = answers[name] ?? { value: 10, version: 1 }
    if (answer instanceof Trouble) throw answer
    return { outputs: inputs.map(() => answer.value), by: { model: name, version: answer.version, digest: '', components: '', revision: '' } }
  })
  vi.spyOn(api, 'currentParams').mockImplementation(async (name) => ({ document: { model: name, version: 1, digest: '', params: {} }, etag: '' }))
})

const tell = (...models: ModelInfo[]) => act(() => live.set((l) => ({ ...l, link: 'open', list: { managed: false, signIn: false, registry: 'ready', models } })))

const replica = (name: string, version: number): Replica => ({ name, revision: '', version, state: 'serving', since: '' })
const run = (name: string, version: number, ...replicas: Replica[]) => act(() => live.set((l) => ({ ...l, replicas: { ...l.replicas, [name]: { model: name, version, replicas } } })))

/** Long enough for a question that would be asked. */
const soon = () => act(async () => void (await new Promise((go) => setTimeout(go, 300))))

async function show(...models: ModelInfo[]) {
  tell(...models)
  const shown = render(<Effect model={models[0]!} />)
  await screen.findByRole('row', { name: /^Model A .*v1/ })
  return { again: (...next: ModelInfo[]) => (tell(...next), shown.rerender(<Effect model={next[0]!} />)) }
}

describe('the effect of a model', () => {
  it('wakes none that goes to zero: it asks no more because replicas come or go', async () => {
    run('model-a', 1, replica('one', 1), replica('two', 1))
    run('model-b', 1, replica('three', 1))
    await show(model('model-a'), model('model-b'))
    await soon()
    const before = asked()
    run('model-a', 1, replica('one', 1))
    run('model-b', 1)
    run('model-a', 1)
    await soon()
    run('model-a', 1, replica('four', 1), replica('five', 1), replica('six', 1))
    await soon()
    expect(asked()).toEqual(before)
    expect(screen.getByRole('row', { name: /^Model B .*10/ })).toBeVisible()
  })

  it('asks the model whose params changed, and that one alone', async () => {
    const { again } = await show(model('model-a'), model('model-b'))
    predict.mockClear()
    answers['model-a'] = { value: 20, version: 2 }
    again(model('model-a', 2), model('model-b'))
    expect(await screen.findByRole('row', { name: /^Model A .*20.*v2/ })).toBeVisible()
    expect(asked()).toEqual(['model-a'])
  })

  it('asks again what an older replica answered, when another has followed', async () => {
    run('model-a', 1, replica('one', 1), replica('two', 1))
    const { again } = await show(model('model-a'))
    again(model('model-a', 2))
    await waitFor(() => expect(asked()).toHaveLength(2))
    run('model-a', 2, replica('one', 1), replica('two', 1))
    await soon()
    expect(asked()).toHaveLength(2)
    answers['model-a'] = { value: 20, version: 2 }
    run('model-a', 2, replica('one', 2), replica('two', 1))
    expect(await screen.findByRole('row', { name: /^Model A .*20.*v2/ })).toBeVisible()
    run('model-a', 2, replica('one', 2), replica('two', 2))
    await soon()
    expect(asked()).toHaveLength(3)
  })

  it('asks who did not answer again when a person says so, and nobody else', async () => {
    answers['model-b'] = new Trouble('busy', 'not yet', { status: 503 })
    await show(model('model-a'), model('model-b'))
    expect(await screen.findByText('Model B did not answer')).toBeVisible()
    predict.mockClear()
    delete answers['model-b']
    await userEvent.click(screen.getByRole('button', { name: 'Try again' }))
    expect(await screen.findByRole('row', { name: /^Model B .*10/ })).toBeVisible()
    expect(asked()).toEqual(['model-b'])
  })

  it('marks where proposed params make the quantiles cross, though those that serve do not', async () => {
    const quantile = { 'model-a': 0.1, 'model-b': 0.5 } as Record<string, number>
    vi.spyOn(api, 'currentParams').mockImplementation(async (name) => ({ document: { model: name, version: 1, digest: '', params: { quantile: quantile[name] } }, etag: '' }))
    vi.spyOn(api, 'evaluate').mockImplementation(async (name, proposed, inputs) => ({ outputs: inputs.map(() => (proposed.params as { bias: number }).bias), by: { model: name, version: 0, digest: '', components: '', revision: '' } }))
    answers['model-b'] = { value: 12, version: 1 }
    // A digest of their own: what quantile one has is asked once.
    const models = ['model-a', 'model-b'].map((name) => model(name, 1, { params: { version: 1, digest: `crossing ${name}`, requires: [] } }))
    tell(...models)
    const { rerender } = render(<Effect model={models[0]!} proposed={{ params: { bias: 11, quantile: 0.1 } }} />)
    expect(await screen.findByRole('row', { name: /^Proposed.*10%.*11/ })).toBeVisible()
    expect(screen.queryByText(/quantiles cross/)).toBeNull()
    rerender(<Effect model={models[0]!} proposed={{ params: { bias: 13, quantile: 0.1 } }} />)
    expect(await screen.findByText('With what is proposed the quantiles cross')).toBeVisible()
    expect(screen.getByText(/For x from 0 to 2\./)).toBeVisible()
    expect(screen.queryByText('The quantiles cross')).toBeNull()
    rerender(<Effect model={models[0]!} />)
    await waitFor(() => expect(screen.queryByText(/quantiles cross/)).toBeNull())
  })

  it('waits for no registry: the quantiles come when they come, and are asked for once', async () => {
    let say = (_document: Document) => {}
    const current = vi.spyOn(api, 'currentParams').mockImplementation((name) => new Promise((go) => (say = (document) => go({ document: { ...document, model: name }, etag: '' }))))
    const slow = model('model-c', 1, { params: { version: 1, digest: 'slow', requires: [] } })
    tell(slow)
    render(<Effect model={slow} />)
    await screen.findByRole('row', { name: /^Model C 10 v1/ })
    await userEvent.clear(screen.getByLabelText('x'))
    await userEvent.type(screen.getByLabelText('x'), '1.25')
    await waitFor(() => expect(predict.mock.lastCall?.[1].at(-1)).toBe(1.25))
    expect(await screen.findByRole('row', { name: /^Model C 10/ })).toBeVisible()
    expect(current).toHaveBeenCalledOnce()
    act(() => say({ model: '', version: 1, digest: 'slow', params: { quantile: 0.25 } }))
    expect(await screen.findByRole('row', { name: /^Model C.*25%.*10/ })).toBeVisible()
  })

  it('asks a registry that did not answer again when it is there again, not while one types', async () => {
    const current = vi.spyOn(api, 'currentParams').mockRejectedValue(new Trouble('busy', 'away', { status: 503 }))
    const failing = model('model-c', 1, { params: { version: 1, digest: 'failing', requires: [] } })
    tell(failing)
    render(<Effect model={failing} />)
    await screen.findByRole('row', { name: /^Model C .*v1/ })
    await userEvent.type(screen.getByLabelText('x'), '5')
    await soon()
    expect(current).toHaveBeenCalledOnce()
    const turn = (registry: 'away' | 'ready') => act(() => live.set((l) => ({ ...l, list: { ...l.list!, registry } })))
    turn('away')
    await soon()
    expect(current).toHaveBeenCalledOnce()
    current.mockResolvedValue({ document: { model: 'model-c', version: 1, digest: 'failing', params: { quantile: 0.25 } }, etag: '' })
    turn('ready')
    expect(await screen.findByRole('row', { name: /^Model C.*25%/ })).toBeVisible()
    expect(current).toHaveBeenCalledTimes(2)
  })

  describe('with what is proposed', () => {
    const by = { model: 'model-a', version: 0, digest: '', components: '', revision: '' }
    const evaluates = () => vi.spyOn(api, 'evaluate').mockImplementation(async (_, __, inputs) => ({ outputs: inputs.map(() => 20), by }))
    const propose = (told?: (trouble: Trouble | undefined) => void) => {
      tell(model('model-a'))
      render(<Effect model={model('model-a')} proposed={{ params: { bias: 1 } }} onProposedTrouble={told} />)
    }
    const busy = new Trouble('busy', 'too many evaluations at once', { status: 429, retryAfter: 0.01 })

    it('says so when that takes its time', async () => {
      let answer = () => {}
      evaluates().mockImplementationOnce(async (_, __, inputs) => {
        await new Promise<void>((go) => (answer = go))
        return { outputs: inputs.map(() => 20), by }
      })
      propose()
      await screen.findByRole('row', { name: /^Model A .*v1/ })
      expect(await screen.findByText(/^Still waiting/)).toBeVisible()
      act(answer)
      expect(await screen.findByRole('row', { name: /^Proposed.*20/ })).toBeVisible()
      expect(screen.queryByText(/^Still waiting/)).toBeNull()
    })

    it('asks who is busy once more, when it has time again', async () => {
      const evaluate = evaluates().mockRejectedValueOnce(busy)
      propose()
      expect(await screen.findByRole('row', { name: /^Proposed.*20/ })).toBeVisible()
      expect(evaluate).toHaveBeenCalledTimes(2)
    })

    it('tells of one that stays busy, and asks no more by itself', async () => {
      const evaluate = evaluates().mockRejectedValue(busy)
      const told = vi.fn<(trouble: Trouble | undefined) => void>()
      propose(told)
      await waitFor(() => expect(told.mock.lastCall?.[0]).toBe(busy))
      await soon()
      expect(evaluate).toHaveBeenCalledTimes(2)
    })
  })

  describe('of a large family', () => {
    const many = Array.from({ length: 100 }, (_, i) => model(i === 0 ? 'model-a' : `other-${i}`))

    it('is asked of a few models only, of few at once, and a person chooses which', async () => {
      let running = 0
      let most = 0
      predict.mockImplementation(async (name, inputs) => {
        most = Math.max(most, ++running)
        await new Promise((go) => setTimeout(go))
        running--
        return { outputs: inputs.map(() => 10), by: { model: name, version: 1, digest: '', components: '', revision: '' } }
      })
      await show(...many)
      await soon()
      expect(asked()).toEqual(['model-a', 'other-1', 'other-2', 'other-3', 'other-4'])
      expect(most).toBeLessThanOrEqual(4)

      await userEvent.click(screen.getByText('Drawn together: 5 of 100'))
      expect(screen.getByRole('checkbox', { name: 'other-7' })).toBeDisabled()
      await userEvent.click(screen.getByRole('checkbox', { name: 'other-2' }))
      await userEvent.type(screen.getByLabelText('Find a model'), '77')
      await userEvent.click(screen.getByRole('checkbox', { name: 'other-77' }))
      expect(await screen.findByRole('row', { name: /^other-77 .*10 v1/ })).toBeVisible()
      expect(screen.queryByRole('row', { name: /^other-2 / })).toBeNull()
      expect(asked()).toEqual(['model-a', 'other-1', 'other-2', 'other-3', 'other-4', 'other-77'])
      expect(window.location.hash).toBe('#/models/model-a/effect?beside=other-1,other-3,other-4,other-77')
    })

    it('is of those that the address names', async () => {
      window.location.hash = '#/models/model-a/effect?beside=other-50'
      await show(...many)
      expect(await screen.findByRole('row', { name: /^other-50 .*10 v1/ })).toBeVisible()
      expect(asked()).toEqual(['model-a', 'other-50'])
    })
  })

  it('shows who answered, while others take their time', async () => {
    let answer = () => {}
    predict.mockImplementation(async (name, inputs) => {
      if (name === 'model-b') await new Promise<void>((go) => (answer = go))
      return { outputs: inputs.map(() => 10), by: { model: name, version: 1, digest: '', components: '', revision: '' } }
    })
    await show(model('model-a'), model('model-b'))
    expect(screen.getByRole('row', { name: /^Model B .*waiting/ })).toBeVisible()
    expect(await screen.findByText(/^Still waiting\./)).toBeVisible()
    act(answer)
    expect(await screen.findByRole('row', { name: /^Model B .*10 v1/ })).toBeVisible()
    expect(asked()).toEqual(['model-a', 'model-b'])
  })
})
