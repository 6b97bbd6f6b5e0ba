import { act, cleanup, render, screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import * as api from '../api'
import type { Document, ModelInfo, ParamsEvent, Replica } from '../contract'
import { setLanguage } from '../i18n/language'
import { live } from '../live/live'
import { Trouble } from '../trouble'
import { dropConvergence } from './convergence'
import { dropDraft, keepDraft, reloadDrafts } from './drafts'
import ParamsTab from './ParamsTab'

const schema = {
  type: 'object',
  required: ['weights', 'bias', 'quantile'],
  properties: {
    weights: { type: 'array', minItems: 2, maxItems: 2, items: { type: 'number' } },
    bias: { type: 'number' },
    quantile: { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 },
  },
}

const pin = (version: number) => ({ 'component-d': { version, digest: `sha256:d${version}` } })

const document = (version: number, change: object = {}, more: Partial<Document> = {}): Document => ({
  model: 'model-a',
  version,
  digest: `sha256:${version}`,
  params: { weights: [1, 2], bias: 3, quantile: 0.5, ...change },
  requires: pin(1),
  author: 'alice',
  created: '2026-01-01T00:00:00Z',
  ...more,
})

const tagged = (d: Document): api.Tagged => ({ document: d, etag: `"${d.version}-${d.digest}"` })

const model: ModelInfo = {
  name: 'model-a',
  kind: 'model',
  signature: { inputs: [{ name: 'x', datatype: 'FP64', shape: [], range: { min: 0, max: 2 } }], outputs: [{ name: 'y', datatype: 'FP64', shape: [] }] },
  state: 'ready',
  params: { version: 1, digest: 'sha256:1', requires: [] },
  revisions: [],
}

const by = { model: 'model-a', version: 1, digest: '', components: '', revision: '' }
const outputs = (inputs: unknown[], of: number): api.Outputs => ({ outputs: inputs.map(() => of), by })
const refuse = (message: string) => new Trouble('refused', message, { status: 400 })

let put: ReturnType<typeof stub>

/** The server: model-a at version 1, whose every output is 10, or 20 with params that are proposed. */
function stub() {
  vi.spyOn(api, 'currentParams').mockResolvedValue(tagged(document(1)))
  vi.spyOn(api, 'schemaOf').mockResolvedValue(schema)
  vi.spyOn(api, 'versionsOf').mockImplementation(async (name) => ({ versions: name === 'model-a' ? [document(1)] : [] }))
  vi.spyOn(api, 'predict').mockImplementation(async (_, inputs) => outputs(inputs, 10))
  vi.spyOn(api, 'evaluate').mockImplementation(async (_, __, inputs) => outputs(inputs, 20))
  return vi.spyOn(api, 'putParams').mockImplementation(async (_, change, { hold }) => tagged(document(2, change.params as object, { held: hold })))
}

beforeEach(() => {
  put = stub()
  dropDraft('model-a')
  reloadDrafts()
  dropConvergence('model-a')
})

const event = (name: string, version: number): ParamsEvent => ({ model: name, version, digest: `sha256:d${version}`, requires: [], current: version, author: 'bob' })

async function show({ signIn = false, log = [] as ParamsEvent[] } = {}) {
  act(() => live.set((l) => ({ ...l, link: 'open', list: { managed: false, signIn, registry: 'ready', models: [model] }, log })))
  const shown = render(<ParamsTab model={model} />)
  await screen.findByLabelText('Param 3 bias')
  return shown
}

const bias = () => screen.getByLabelText('Param 3 bias')
const submit = () => userEvent.click(screen.getByRole('button', { name: 'Submit' }))

async function retype(input: HTMLElement, text: string) {
  await userEvent.clear(input)
  await userEvent.type(input, text)
}

describe('the params of a model', () => {
  it('are written with what was typed, on the version where that began, and once', async () => {
    await show()
    expect(screen.getByRole('button', { name: 'Submit' })).toBeDisabled()
    await retype(bias(), '4.5')
    await userEvent.type(screen.getByLabelText('Message'), 'why not')
    expect(screen.getByText('1 change')).toBeVisible()
    await userEvent.dblClick(screen.getByRole('button', { name: 'Submit' }))
    expect(put).toHaveBeenCalledExactlyOnceWith(
      'model-a',
      { params: { weights: [1, 2], bias: 4.5, quantile: 0.5 }, requires: pin(1), message: 'why not' },
      { ifMatch: '"1-sha256:1"', idempotencyKey: expect.stringMatching(/^[0-9a-f]{32}$/), hold: false },
    )
    expect(await screen.findByText('from v2')).toBeVisible()
    expect(bias()).toHaveValue('4.5')
    expect(screen.getByLabelText('Message')).toHaveValue('')
  })

  it('are shown as replicas take them, until the last one has', async () => {
    await show()
    await retype(bias(), '4.5')
    await submit()
    expect(await screen.findByText(/v2 is current. No replica runs/)).toBeVisible()
    const replica = (name: string, version: number): Replica => ({ name, revision: '', version, state: 'serving', since: '' })
    const tell = (...replicas: Replica[]) => act(() => live.set((l) => ({ ...l, replicas: { 'model-a': { model: 'model-a', version: 2, replicas } } })))
    tell(replica('one', 2), replica('two', 1))
    expect(screen.getByText('1 of 2 replicas on v2')).toBeVisible()
    tell(replica('one', 2), replica('two', 2))
    expect(screen.getByText('All 2 replicas are on v2')).toBeVisible()
    expect(screen.getByText(/^after [\d.]+ m?s$/)).toBeVisible()
  })

  it('show the effect of what is typed, and write nothing', async () => {
    await show()
    await retype(bias(), '4.5')
    const proposed = await screen.findByRole('row', { name: /^Proposed.* 20.* not saved/ })
    expect(proposed).toBeVisible()
    expect(screen.getByRole('row', { name: /^Model A.* 10/ })).toBeVisible()
    await waitFor(() => expect(api.evaluate).toHaveBeenLastCalledWith('model-a', { params: { weights: [1, 2], bias: 4.5, quantile: 0.5 }, requires: pin(1) }, expect.anything(), expect.anything()))
    expect(put).not.toHaveBeenCalled()
  })

  it('are asked for their effect again when a person says so', async () => {
    vi.spyOn(api, 'evaluate').mockRejectedValueOnce(new Trouble('broken', 'it fell over', { status: 500 }))
    await show()
    act(() => keepDraft('model-a', { base: document(1), etag: tagged(document(1)).etag, typed: { weights: ['1', '2'], bias: '9', quantile: '0.5' }, requires: pin(1), message: '' }))
    expect(await screen.findByText('it fell over')).toBeVisible()
    await userEvent.click(screen.getByRole('button', { name: 'Try again' }))
    expect(await screen.findByRole('row', { name: /^Proposed.* 20.* not saved/ })).toBeVisible()
    await waitFor(() => expect(screen.queryByText('it fell over')).toBeNull())
  })

  it('are held, if a person says so, and nothing uses them', async () => {
    await show()
    await retype(bias(), '4.5')
    await userEvent.click(screen.getByRole('button', { name: 'Submit, but hold' }))
    expect(put).toHaveBeenCalledWith('model-a', expect.anything(), expect.objectContaining({ hold: true }))
    expect(await screen.findByText('Dashed: v2 of the history.')).toBeVisible()
    expect(screen.getByText('from v1')).toBeVisible()
    expect(bias()).toHaveValue('3')
  })

  it('are not sent while something is wrong; the first such field is shown', async () => {
    await show()
    await retype(screen.getByLabelText('Param 4 quantile'), '1')
    await retype(bias(), '1e')
    await submit()
    expect(put).not.toHaveBeenCalled()
    expect(bias()).toHaveFocus()
    expect(bias()).toHaveAccessibleDescription(/This is no number\./)
    expect(screen.getByLabelText('Param 4 quantile')).toHaveAccessibleDescription(/Must be below 1\./)
    expect(screen.getByText('Correct what is marked first.')).toBeVisible()
  })

  it('that the server refuses are so at their fields, and elsewhere if they have none', async () => {
    put.mockRejectedValue(refuse('params.weights[1]: 9 is too much; message: too rude'))
    await show()
    await retype(screen.getByLabelText('Param 2 weights[1]'), '9')
    await submit()
    await waitFor(() => expect(screen.getByLabelText('Param 2 weights[1]')).toHaveAccessibleDescription(/9 is too much/))
    expect(screen.getByRole('alert')).toHaveTextContent('message: too rude')
    expect(screen.getByLabelText('Param 2 weights[1]')).toHaveFocus()
    expect(screen.getByLabelText('Param 2 weights[1]')).toHaveValue('9')
    await userEvent.type(screen.getByLabelText('Param 2 weights[1]'), '.5')
    expect(screen.getByLabelText('Param 2 weights[1]')).toBeValid()
    expect(screen.queryByRole('alert')).toBeNull()
  })

  it('that the model itself refuses are so at their fields before they are sent', async () => {
    vi.spyOn(api, 'evaluate').mockRejectedValue(refuse('params.bias: not with these weights'))
    await show()
    await retype(bias(), '5')
    await waitFor(() => expect(bias()).toHaveAccessibleDescription(/not with these weights/))
  })
})

describe('nothing that was typed is lost', () => {
  async function typeSomething() {
    await retype(bias(), '1e')
    await userEvent.type(screen.getByLabelText('Message'), 'half typed')
  }

  function expectIt() {
    expect(bias()).toHaveValue('1e')
    expect(screen.getByLabelText('Message')).toHaveValue('half typed')
  }

  it('on a walk to another place, and on a reload', async () => {
    await show()
    await typeSomething()
    cleanup()
    await show()
    expectIt()
    cleanup()
    reloadDrafts()
    await show()
    expectIt()
    await userEvent.click(screen.getByRole('button', { name: 'Discard' }))
    expect(bias()).toHaveValue('3')
    cleanup()
    reloadDrafts()
    await show()
    expect(bias()).toHaveValue('3')
  })

  it('when new params come meanwhile', async () => {
    const { rerender } = await show()
    await typeSomething()
    vi.spyOn(api, 'currentParams').mockResolvedValue(tagged(document(2, { bias: 7 })))
    rerender(<ParamsTab model={{ ...model, params: { version: 2, digest: 'sha256:2', requires: [] } }} />)
    expect(await screen.findByText('v2 came while you were typing')).toBeVisible()
    expect(screen.getByText('from v1')).toBeVisible()
    expectIt()
  })

  it('when nobody answers; and it is the same write when it is sent again', async () => {
    put.mockRejectedValueOnce(new Trouble('gone', 'Network Error'))
    await show()
    await retype(bias(), '4.5')
    await submit()
    expect(await screen.findByText(/^Nobody answers\./)).toBeVisible()
    expect(bias()).toHaveValue('4.5')
    await submit()
    expect(await screen.findByText('from v2')).toBeVisible()
    const [first, second] = put.mock.calls.map(([, , options]) => options.idempotencyKey)
    expect(second).toBe(first)
  })

  it('when nobody answers what a newer schema adds, though nothing was typed', async () => {
    vi.spyOn(api, 'schemaOf').mockResolvedValue({ ...schema, required: [...schema.required, 'clipped'], properties: { ...schema.properties, clipped: { type: 'boolean' } } })
    put.mockRejectedValueOnce(new Trouble('gone', 'Network Error'))
    await show()
    await submit()
    expect(await screen.findByText(/^Nobody answers\./)).toBeVisible()
    await submit()
    expect(await screen.findByText('from v2')).toBeVisible()
    const [first, second] = put.mock.calls.map(([, , options]) => options.idempotencyKey)
    expect(first).toMatch(/^[0-9a-f]{32}$/)
    expect(second).toBe(first)
  })

  describe('while a write is under way', () => {
    /** Types and submits; the server answers when the test says so. */
    async function underWay(button = 'Submit') {
      const answer = {} as { resolve(written: api.Tagged): void; reject(trouble: Trouble): void }
      put.mockReturnValueOnce(new Promise((resolve, reject) => Object.assign(answer, { resolve, reject })))
      await show()
      await retype(bias(), '4.5')
      await userEvent.type(screen.getByLabelText('Message'), 'why')
      await userEvent.click(screen.getByRole('button', { name: button }))
      return answer
    }
    const settle = (answer: { resolve(written: api.Tagged): void }, held = false) => act(async () => answer.resolve(tagged(document(2, { bias: 4.5 }, { held }))))

    it('and it becomes a change of what was written', async () => {
      const answer = await underWay()
      await retype(screen.getByLabelText('Param 1 weights[0]'), '7e')
      await settle(answer)
      expect(screen.getByText('from v2')).toBeVisible()
      expect(screen.getByLabelText('Param 1 weights[0]')).toHaveValue('7e')
      expect(bias()).toHaveValue('4.5')
      expect(screen.getByLabelText('Message')).toHaveValue('')
      await userEvent.type(screen.getByLabelText('Param 1 weights[0]'), '1')
      await submit()
      expect(put.mock.lastCall).toMatchObject(['model-a', { params: { weights: [70, 2], bias: 4.5 } }, { ifMatch: tagged(document(2)).etag }])
    })

    it('also if it is what was there before, or a message alone', async () => {
      const answer = await underWay()
      await retype(bias(), '3')
      await retype(screen.getByLabelText('Message'), 'better so')
      await settle(answer)
      expect(screen.getByText('1 change')).toBeVisible()
      expect(bias()).toHaveValue('3')
      expect(screen.getByLabelText('Message')).toHaveValue('better so')
    })

    it('and a held version leaves it where it was', async () => {
      const answer = await underWay('Submit, but hold')
      await retype(screen.getByLabelText('Param 1 weights[0]'), '7')
      await settle(answer, true)
      expect(screen.getByText('from v1')).toBeVisible()
      expect(bias()).toHaveValue('4.5')
      expect(screen.getByLabelText('Param 1 weights[0]')).toHaveValue('7')
    })

    it('and what the server says of it is shown all the same', async () => {
      const answer = await underWay()
      await retype(screen.getByLabelText('Param 1 weights[0]'), '7')
      await act(async () => answer.reject(new Trouble('gone', 'Network Error')))
      expect(screen.getByText(/^Nobody answers\./)).toBeVisible()
      expect(screen.getByLabelText('Param 1 weights[0]')).toHaveValue('7')
    })
  })

  it('when a reader has no rights: there is nothing to type', async () => {
    await show({ signIn: true })
    expect(bias()).toHaveAttribute('readonly')
    expect(screen.queryByRole('button', { name: 'Submit' })).toBeNull()
    expect(screen.queryByRole('button', { name: 'Roll back to v1' })).toBeNull()
  })
})

describe('a conflict', () => {
  const theirs = tagged(document(2, { bias: 9, quantile: 0.25 }, { author: 'bob', message: 'mine is better', requires: pin(2) }))

  async function collide() {
    put.mockRejectedValueOnce(new Trouble('conflict', 'not the current version', { status: 412, etag: theirs.etag, body: theirs.document }))
    await show()
    await retype(bias(), '5')
    await retype(screen.getByLabelText('Param 1 weights[0]'), '8')
    await submit()
    return within(await screen.findByRole('region', { name: 'Somebody else was first' }))
  }

  const params = () => put.mock.lastCall?.[1].params

  it('shows who changed what, and asks only where it matters', async () => {
    const box = await collide()
    expect(box.getByText(/^v2 is by bob/)).toHaveTextContent('mine is better')
    expect(box.getByRole('row', { name: /^bias both changed it 3 .*5 .*9$/ })).toBeVisible()
    expect(box.getByRole('row', { name: /^weights\[0\] 1 .*8 .*1$/ })).toBeVisible()
    expect(box.getByRole('row', { name: /^quantile 0\.5 .*0\.5 .*0\.25$/ })).toBeVisible()
    expect(box.getByRole('row', { name: /^component-d v1 .*v1 .*v2$/ })).toBeVisible()
    expect(box.getByRole('radio', { name: 'bias: Mine' })).toBeChecked()
    expect(box.getByRole('radio', { name: 'weights[0]: Mine' })).toBeChecked()
    expect(box.getByRole('radio', { name: 'quantile: By bob' })).toBeChecked()
    expect(box.getByRole('radio', { name: 'component-d: By bob' })).toBeChecked()
  })

  it('ends with what the person chose, on top of theirs', async () => {
    const box = await collide()
    await userEvent.click(box.getByRole('radio', { name: 'bias: By bob' }))
    await userEvent.click(box.getByRole('button', { name: 'Go on with these' }))
    expect(await screen.findByText('from v2')).toBeVisible()
    expect(bias()).toHaveValue('9')
    await submit()
    expect(params()).toEqual({ weights: [8, 2], bias: 9, quantile: 0.25 })
    expect(put.mock.lastCall?.[1].requires).toEqual(pin(2))
    expect(put.mock.lastCall?.[2].ifMatch).toBe(theirs.etag)
  })

  it('keeps all of one side if that is wanted', async () => {
    let box = await collide()
    await userEvent.click(box.getByRole('button', { name: 'Keep all mine' }))
    await submit()
    expect(params()).toEqual({ weights: [8, 2], bias: 5, quantile: 0.5 })
    cleanup()
    dropDraft('model-a')
    box = await collide()
    await userEvent.click(box.getByRole('button', { name: 'Take all theirs' }))
    expect(bias()).toHaveValue('9')
    expect(screen.getByText('Nothing is changed.')).toBeVisible()
  })

  it('can wait, and what was typed stays', async () => {
    const box = await collide()
    await userEvent.click(box.getByRole('button', { name: 'Not now' }))
    expect(screen.queryByRole('region', { name: 'Somebody else was first' })).toBeNull()
    expect(bias()).toHaveValue('5')
    await userEvent.click(screen.getByRole('button', { name: 'Compare with mine' }))
    expect(screen.getByRole('region', { name: 'Somebody else was first' })).toBeVisible()
  })
})

describe('an older or a held version', () => {
  const versions = [document(3, { bias: 6 }), document(2, { bias: 5 }, { held: true, message: 'a try' }), document(1)]

  async function showHistory(signIn = false) {
    vi.spyOn(api, 'currentParams').mockResolvedValue(tagged(versions[0]!))
    vi.spyOn(api, 'versionsOf').mockResolvedValue({ versions })
    const shown = await show({ signIn })
    await userEvent.click(await screen.findByRole('option', { name: /^v2/ }))
    return shown
  }

  const theirs = tagged(document(4, { bias: 6, quantile: 0.25 }, { author: 'bob', message: 'mine is better' }))
  const collide = () => vi.spyOn(api, 'copyParams').mockRejectedValueOnce(new Trouble('conflict', 'not the current version', { status: 412, etag: theirs.etag, body: theirs.document }))

  it('has room for its two lines, however large one reads', async () => {
    const option = () => within(screen.getByRole('listbox', { name: 'History' })).getByRole('option', { name: /^v2/ })
    await showHistory()
    expect(option()).toHaveStyle({ height: '58px', transform: 'translateY(58px)' })
    cleanup()
    globalThis.document.documentElement.style.fontSize = '32px'
    await showHistory()
    expect(option()).toHaveStyle({ height: '116px', transform: 'translateY(116px)' })
    globalThis.document.documentElement.style.fontSize = ''
  })

  it('is promoted on top of what was seen, and the same request is sent again when its answer got lost, though the stream told of what it wrote', async () => {
    const written = tagged(document(4, { bias: 5 }))
    const copy = vi.spyOn(api, 'copyParams').mockRejectedValueOnce(new Trouble('gone', 'Network Error')).mockResolvedValue(written)
    const { rerender } = await showHistory()
    await userEvent.click(screen.getByRole('button', { name: 'Promote v2' }))
    await screen.findByRole('button', { name: 'Try again' })
    vi.spyOn(api, 'currentParams').mockResolvedValue(written)
    rerender(<ParamsTab model={{ ...model, params: { version: 4, digest: 'sha256:4', requires: [] } }} />)
    expect(await screen.findByText('from v4')).toBeVisible()
    await userEvent.click(screen.getByRole('button', { name: 'Try again' }))
    await waitFor(() => expect(screen.queryByRole('button', { name: 'Try again' })).toBeNull())
    const [first, second] = copy.mock.calls
    expect(first).toEqual(['model-a', 'promote', { version: 2, message: 'promoted v2' }, { ifMatch: tagged(versions[0]!).etag, idempotencyKey: expect.stringMatching(/^[0-9a-f]{32}$/) }])
    expect(second).toEqual(first)
    expect(copy).toHaveBeenCalledTimes(2)
  })

  it('is written with what was done, in the language of who did it', async () => {
    const copy = vi.spyOn(api, 'copyParams').mockRejectedValue(new Trouble('gone', 'Network Error'))
    await showHistory()
    const inHistory = (name: RegExp) => within(screen.getByRole('listbox', { name: /History|历史/ })).getByRole('option', { name })
    await userEvent.click(inHistory(/^v1/))
    await userEvent.click(screen.getByRole('button', { name: 'Roll back to v1' }))
    act(() => setLanguage('zh'))
    await userEvent.click(await screen.findByRole('button', { name: '重试' })) // the same request, in its own words
    await userEvent.click(inHistory(/^v2/))
    await userEvent.click(screen.getByRole('button', { name: '启用 v2' }))
    await userEvent.click(inHistory(/^v1/))
    await userEvent.click(screen.getByRole('button', { name: '回滚到 v1' }))
    expect(copy.mock.calls.map(([, verb, { message }]) => [verb, message])).toEqual([
      ['rollback', 'rolled back to v1'],
      ['rollback', 'rolled back to v1'],
      ['promote', '启用 v2'],
      ['rollback', '回滚到 v1'],
    ])
  })

  it('waits for the person when somebody else was first, and says what they changed', async () => {
    const copy = collide()
    await showHistory()
    await userEvent.click(screen.getByRole('button', { name: 'Promote v2' }))
    const box = within(await screen.findByRole('region', { name: 'Somebody else was first' }))
    expect(box.getByText(/^v4 is by bob/)).toHaveTextContent('mine is better')
    expect(within(box.getByRole('table', { name: 'What v4 changed of v3' })).getByRole('row', { name: /^quantile 0\.5 0\.25/ })).toBeVisible()
    expect(within(box.getByRole('table', { name: 'What v2 would change of v4' })).getByRole('row', { name: /^bias 6 5/ })).toBeVisible()
    copy.mockResolvedValueOnce(tagged(document(5, { bias: 5 })))
    await userEvent.click(box.getByRole('button', { name: 'Promote v2 all the same' }))
    expect(copy.mock.lastCall).toMatchObject(['model-a', 'promote', { version: 2 }, { ifMatch: theirs.etag }])
    expect(await screen.findByText('from v5')).toBeVisible()
    expect(screen.queryByRole('region', { name: 'Somebody else was first' })).toBeNull()
  })

  it('can be left where it is then, and what was typed stays', async () => {
    const copy = collide()
    await showHistory()
    await userEvent.type(screen.getByLabelText('Message'), 'half typed')
    await userEvent.click(screen.getByRole('button', { name: 'Promote v2' }))
    await userEvent.click(await screen.findByRole('button', { name: 'Leave v4 current' }))
    expect(screen.queryByRole('region', { name: 'Somebody else was first' })).toBeNull()
    expect(screen.getByLabelText('Message')).toHaveValue('half typed')
    expect(copy).toHaveBeenCalledOnce()
  })

  it('is seen only with a token, and a reader is told so', async () => {
    await showHistory(true)
    expect(screen.getByText(/^The model itself runs what is not current; that needs a token\./)).toBeVisible()
    expect(screen.queryByRole('button', { name: 'See its effect' })).toBeNull()
    await userEvent.click(screen.getByRole('button', { name: 'Show a token' }))
    expect(screen.getByRole('dialog', { name: 'Sign in' })).toBeVisible()
  })

  it('gives way to what is typed', async () => {
    await showHistory()
    await userEvent.click(screen.getByRole('button', { name: 'See its effect' }))
    expect(screen.getByText('Dashed: v2 of the history.')).toBeVisible()
    await retype(bias(), '7')
    expect(screen.getByText(/^Dashed: what you propose\./)).toBeVisible()
  })

  it('is not asked for with what a reader had typed before', async () => {
    keepDraft('model-a', { base: versions[0]!, etag: '', typed: { weights: ['1', '2'], bias: '9', quantile: '0.5' }, requires: pin(1), message: '' })
    await showHistory(true)
    expect(bias()).toHaveValue('9')
    await screen.findByRole('row', { name: /^Model A.* 10/ })
    expect(api.evaluate).not.toHaveBeenCalled()
    expect(screen.getAllByText(/that needs a token/)).toHaveLength(2)
  })
})

describe('the components of params', () => {
  const component = () => screen.getByLabelText(/^Component D/)

  it('are pinned to another version, which is seen before it is saved', async () => {
    await show({ log: [event('component-d', 2), event('component-d', 1)] })
    expect(screen.getByText('v2 is the newest')).toBeVisible()
    await userEvent.selectOptions(component(), 'v2 · bob')
    expect(screen.getByText('was v1')).toBeVisible()
    expect(screen.getByText(/^Dashed: what you propose\..*With Component D v2\.$/)).toBeVisible()
    await waitFor(() => expect(api.evaluate).toHaveBeenLastCalledWith('model-a', expect.objectContaining({ requires: pin(2) }), expect.anything(), expect.anything()))
    await submit()
    expect(put.mock.lastCall?.[1]).toMatchObject({ params: { bias: 3 }, requires: pin(2) })
  })

  it('have their whole history to choose from, a page at a time', async () => {
    const versions = vi.spyOn(api, 'versionsOf').mockImplementation(async (name, { before = 0, limit = 0 } = {}) => ({
      versions: name === 'model-a' ? [document(1)] : Array.from({ length: Math.min(limit, before - 1) }, (_, i) => document(before - 1 - i, {}, { model: name, author: 'carol' })),
    }))
    await show({ log: Array.from({ length: 20 }, (_, i) => event('component-d', 130 - i)) })
    expect(component()).toHaveDisplayValue('v1')
    expect(versions.mock.calls.filter(([name]) => name === 'component-d')).toEqual([])
    await userEvent.click(screen.getByRole('button', { name: 'Show 50 older versions' }))
    expect(await screen.findByRole('option', { name: /^v61 · carol/ })).toBeInTheDocument()
    while (screen.queryByRole('button', { name: /^Show \d+ older versions?$/ })) await userEvent.click(screen.getByRole('button', { name: /^Show \d+ older versions?$/ }))
    const all = within(component()).getAllByRole('option').map((o) => Number((o as HTMLOptionElement).value))
    expect(all).toEqual(Array.from({ length: 130 }, (_, i) => 130 - i))
    expect(component()).toHaveDisplayValue(/^v1 · carol/)
  })
})
