import { act, render, screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { describe, expect, it, vi } from 'vitest'
import * as api from '../api'
import type { ModelInfo, Revision, SplitChanged } from '../contract'
import { Trouble } from '../trouble'
import { dropRows, keepFormer } from './edits'
import TrafficTab from './TrafficTab'

const revision = (name: string, percent: number, more: Partial<Revision> = {}): Revision => ({
  name,
  image: 'registry.local/model-a@sha256:0123456789abcdef0123',
  paramsVersion: 0,
  percent,
  tags: [],
  ready: true,
  pods: 1,
  created: '2026-01-01T00:00:00Z',
  ...more,
})

const model: ModelInfo = {
  name: 'model-a',
  kind: 'model',
  signature: { inputs: [{ name: 'x', datatype: 'FP64', shape: [], range: { min: 0, max: 2 } }], outputs: [] },
  state: 'ready',
  params: null,
  revisions: [revision('model-a-2', 0, { tags: ['candidate'] }), revision('model-a-1', 100, { paramsVersion: 3, pods: 0 }), revision('model-a-0', 0, { ready: false, reason: 'it crashed' })],
  split: 'one',
}

function answers(...revisions: string[]) {
  let i = 0
  return vi.spyOn(api, 'predict').mockImplementation(async () => ({ outputs: [1], by: { model: '', version: 1, digest: '', components: '', revision: revisions[i++ % revisions.length]! } }))
}

function show() {
  dropRows('model-a')
  keepFormer('model-a', undefined)
  return render(<TrafficTab model={model} />)
}

describe('the traffic of a model', () => {
  it('shows each revision: image, params, age, readiness and pods', () => {
    show()
    const pinned = screen.getByRole('listitem', { name: 'model-a-1' })
    expect(within(pinned).getByText('pinned to v3')).toBeVisible()
    expect(within(pinned).getByText('scaled to zero')).toBeVisible()
    expect(within(pinned).getByText('model-a@sha256:0123456789ab…')).toBeVisible()
    expect(screen.getByText('it crashed')).toBeVisible()
  })

  it('shows older revisions on demand, one or more', () => {
    const older = (n: number) => ({ ...model, revisions: Array.from({ length: n }, (_, i) => revision(`model-a-${n - i}`, i === 0 ? 100 : 0)) })
    const { rerender } = render(<TrafficTab model={older(9)} />)
    expect(screen.getByRole('button', { name: 'Show 1 older one' })).toBeVisible()
    rerender(<TrafficTab model={older(10)} />)
    expect(screen.getByRole('button', { name: 'Show 2 older ones' })).toBeVisible()
  })

  it('asks for a sum of 100 before it goes on', async () => {
    show()
    await userEvent.clear(screen.getByLabelText('Share of model-a-2, percent'))
    await userEvent.type(screen.getByLabelText('Share of model-a-2, percent'), '10')
    expect(screen.getByText('The shares add up to 110 %, and not to 100 %.')).toBeVisible()
    expect(screen.getByRole('button', { name: 'Look at the change' })).toBeDisabled()
  })

  it('changes what was confirmed, counts who answers, and goes back with one click', async () => {
    const set = vi.spyOn(api, 'setTraffic').mockImplementation(async (_, traffic) => ({ traffic, etag: 'two', former: [{ revision: 'model-a-0', percent: 100, tags: [] }] }))
    const asked = answers('model-a-1', 'model-a-1', 'model-a-1', 'model-a-2')
    show()
    for (const [name, percent] of [['model-a-2', '25'], ['model-a-1', '75']] as const) {
      await userEvent.clear(screen.getByLabelText(`Share of ${name}, percent`))
      await userEvent.type(screen.getByLabelText(`Share of ${name}, percent`), percent)
    }
    await userEvent.click(screen.getByRole('button', { name: 'Look at the change' }))
    const dialog = screen.getByRole('dialog', { name: 'Change the traffic?' })
    expect(within(dialog).getByText('100 % → 75 %')).toBeVisible()
    expect(set).not.toHaveBeenCalled()
    await userEvent.click(within(dialog).getByRole('button', { name: 'Change it' }))
    expect(set).toHaveBeenCalledWith(
      'model-a',
      [
        { revision: 'model-a-2', percent: 25, tags: ['candidate'] },
        { revision: 'model-a-1', percent: 75, tags: [] },
      ],
      'one',
    )
    await waitFor(() => expect(asked).toHaveBeenCalledTimes(200))
    const row = await screen.findByRole('row', { name: /model-a-1 75 % 75 % 150/ })
    expect(row).toBeVisible()
    await userEvent.click(screen.getByRole('button', { name: 'Go back to it' }))
    expect(set).toHaveBeenLastCalledWith('model-a', [{ revision: 'model-a-0', percent: 100, tags: [] }], 'two')
  })

  it('keeps what is typed while one goes back, and what is typed while a change is under way', async () => {
    const set = vi.spyOn(api, 'setTraffic').mockImplementation(async (_, traffic) => ({ traffic, etag: 'two', former: null }))
    answers('model-a-1')
    show()
    act(() => keepFormer('model-a', [{ revision: 'model-a-2', percent: 100, tags: [] }]))
    await userEvent.type(screen.getByLabelText('Tags of model-a-1'), 'stable')
    await userEvent.click(screen.getByRole('button', { name: 'Go back to it' }))
    expect(await screen.findByRole('row', { name: /model-a-1 0 % 100 % 200/ })).toBeVisible()
    expect(screen.getByLabelText('Tags of model-a-1')).toHaveValue('stable')

    let answer: (changed: SplitChanged) => void = () => {}
    set.mockReturnValueOnce(new Promise((resolve) => (answer = resolve)))
    await userEvent.click(screen.getByRole('button', { name: 'Look at the change' }))
    await userEvent.click(screen.getByRole('button', { name: 'Change it' }))
    await userEvent.click(screen.getByRole('button', { name: 'Cancel' }))
    await userEvent.type(screen.getByLabelText('Tags of model-a-1'), ' best')
    await act(async () => answer({ traffic: [{ revision: 'model-a-1', percent: 100, tags: ['stable'] }], etag: 'three', former: null }))
    expect(screen.getByLabelText('Tags of model-a-1')).toHaveValue('stable best')
  })

  it('keeps what is typed back while a change is under way: it is a change of what comes of that', async () => {
    let answer: (changed: SplitChanged) => void = () => {}
    vi.spyOn(api, 'setTraffic').mockReturnValueOnce(new Promise((resolve) => (answer = resolve)))
    answers('model-a-1')
    show()
    await userEvent.type(screen.getByLabelText('Tags of model-a-1'), 'stable')
    await userEvent.click(screen.getByRole('button', { name: 'Look at the change' }))
    await userEvent.click(screen.getByRole('button', { name: 'Change it' }))
    await userEvent.click(screen.getByRole('button', { name: 'Cancel' }))
    await userEvent.clear(screen.getByLabelText('Tags of model-a-1'))
    await act(async () => answer({ traffic: [{ revision: 'model-a-1', percent: 100, tags: ['stable'] }], etag: 'two', former: null }))
    expect(screen.getByLabelText('Tags of model-a-1')).toHaveValue('')
    expect(screen.getByRole('button', { name: 'Look at the change' })).toBeEnabled()
  })

  it('says at its revision what the server has against it', async () => {
    vi.spyOn(api, 'setTraffic').mockRejectedValue(new Trouble('refused', 'traffic[1].revision: model-a-1 is not ready', { status: 400 }))
    show()
    await userEvent.type(screen.getByLabelText('Tags of model-a-1'), 'stable')
    await userEvent.click(screen.getByRole('button', { name: 'Look at the change' }))
    await userEvent.click(screen.getByRole('button', { name: 'Change it' }))
    await waitFor(() => expect(screen.getByLabelText('Share of model-a-1, percent')).toHaveAccessibleDescription('model-a-1 is not ready'))
    await userEvent.type(screen.getByLabelText('Tags of model-a-1'), '2')
    expect(screen.getByLabelText('Share of model-a-1, percent')).toBeValid()
  })

  it('says how many revisions are not listed, and goes back to one of them', async () => {
    const set = vi.spyOn(api, 'setTraffic').mockImplementation(async (_, traffic) => ({ traffic, etag: 'two', former: null }))
    answers('model-a-1')
    const { rerender } = show()
    const former = [{ revision: 'model-a-9', percent: 100, tags: [] }]
    act(() => keepFormer('model-a', former))
    expect(screen.queryByText(/not listed/)).toBeNull()
    expect(screen.queryByRole('button', { name: 'Go back to it' })).toBeNull()
    rerender(<TrafficTab model={{ ...model, leftOut: 28 }} />)
    expect(screen.getByText('28 more, without traffic, tag and pods, are not listed.')).toBeVisible()
    expect(screen.getByRole('img', { name: 'The former split. Traffic: model-a-9 100 %' })).toBeVisible()
    await userEvent.click(screen.getByRole('button', { name: 'Go back to it' }))
    expect(set).toHaveBeenCalledWith('model-a', former, 'one')
  })

  it('says who set what stands, and nobody where that is not known', () => {
    const at = new Date(Date.now() - 90_000).toISOString()
    const { rerender } = render(<TrafficTab model={{ ...model, trafficSet: { by: 'alice', at } }} />)
    expect(screen.getByText('Set by alice, 1 minute ago.')).toBeVisible()
    rerender(<TrafficTab model={{ ...model, trafficSet: { at } }} />)
    expect(screen.getByText('Set 1 minute ago.')).toBeVisible()
    rerender(<TrafficTab model={{ ...model, split: 'of kn', revisions: [...model.revisions] }} />)
    expect(screen.queryByText(/^Set .* ago/)).toBeNull()
  })

  describe('when somebody else was first', () => {
    const share = (revision: string, percent: number, tags: string[] = []) => ({ revision, percent, tags })
    const theirs = { traffic: [share('model-a-2', 40, ['candidate']), share('model-a-1', 60)], etag: 'two', set: { by: 'bob', at: '2020-01-01T00:00:00Z' }, former: null }

    async function collide() {
      const set = vi.spyOn(api, 'setTraffic').mockRejectedValueOnce(new Trouble('conflict', 'changed', { status: 412, body: theirs }))
      show()
      await userEvent.type(screen.getByLabelText('Tags of model-a-1'), 'stable')
      await userEvent.click(screen.getByRole('button', { name: 'Look at the change' }))
      await userEvent.click(screen.getByRole('button', { name: 'Change it' }))
      return { set, box: within(await screen.findByRole('region', { name: /^Somebody else changed the traffic first/ })) }
    }

    it('says what they changed beside what was typed, and the person decides', async () => {
      const { set, box } = await collide()
      expect(box.getByRole('row', { name: /^model-a-2 0 % candidate 0 % candidate 40 % candidate$/ })).toBeVisible()
      expect(box.getByRole('row', { name: /^model-a-1 .*both changed it 100 % 100 % stable 60 %$/ })).toBeVisible()
      expect(box.getByText(/^Set by bob, .+ ago\.$/)).toBeVisible()
      expect(screen.getByLabelText('Tags of model-a-1')).toHaveValue('stable')
      expect(screen.getByRole('img', { name: /^Now\. Traffic: model-a-2 40 %, model-a-1 60 %/ })).toBeVisible()

      await userEvent.click(box.getByRole('button', { name: 'Go on with mine' }))
      await userEvent.click(screen.getByRole('button', { name: 'Look at the change' }))
      set.mockResolvedValueOnce({ traffic: [share('model-a-2', 0, ['candidate']), share('model-a-1', 100, ['stable'])], etag: 'three', former: theirs.traffic })
      answers('model-a-1')
      await userEvent.click(screen.getByRole('button', { name: 'Change it' }))
      expect(set).toHaveBeenLastCalledWith('model-a', [share('model-a-2', 0, ['candidate']), share('model-a-1', 100, ['stable'])], 'two')
      expect(await screen.findByRole('row', { name: /model-a-1 100 % 100 % 200/ })).toBeVisible()
      expect(screen.getByText('Nothing is changed.')).toBeVisible()
    })

    it('takes what stands, if that is wanted', async () => {
      const { box } = await collide()
      await userEvent.click(box.getByRole('button', { name: 'Take what stands now' }))
      expect(screen.getByLabelText('Share of model-a-2, percent')).toHaveValue('40')
      expect(screen.getByText('Nothing is changed.')).toBeVisible()
    })

    it('and is known before: what was typed is compared before it is sent', async () => {
      const set = vi.spyOn(api, 'setTraffic')
      const { rerender } = show()
      await userEvent.type(screen.getByLabelText('Tags of model-a-1'), 'stable')
      rerender(<TrafficTab model={{ ...model, split: 'two', revisions: model.revisions.map((r) => ({ ...r, ...theirs.traffic.find((s) => s.revision === r.name) })) }} />)
      expect(screen.getByText(/^Somebody changed the traffic while you were typing/)).toBeVisible()
      await userEvent.click(screen.getByRole('button', { name: 'Look at the change' }))
      expect(screen.getByRole('region', { name: /^Somebody else changed the traffic first/ })).toBeVisible()
      await userEvent.click(screen.getByRole('button', { name: 'Not now' }))
      expect(screen.getByLabelText('Tags of model-a-1')).toHaveValue('stable')
      expect(set).not.toHaveBeenCalled()
    })

    it('has nothing against it of who typed, and typed it back', async () => {
      const { rerender } = show()
      const share = screen.getByLabelText('Share of model-a-1, percent')
      await userEvent.clear(share)
      await userEvent.type(share, '100')
      await userEvent.type(screen.getByLabelText('Tags of model-a-1'), 's{Backspace}')
      rerender(<TrafficTab model={{ ...model, split: 'two', revisions: model.revisions.map((r) => ({ ...r, ...theirs.traffic.find((s) => s.revision === r.name) })) }} />)
      expect(share).toHaveValue('60')
      expect(screen.getByText('Nothing is changed.')).toBeVisible()
      expect(screen.queryByText(/^Somebody changed/)).toBeNull()
    })

    it('is said of a way back, too, with what they changed', async () => {
      vi.spyOn(api, 'setTraffic').mockRejectedValueOnce(new Trouble('conflict', 'changed', { status: 412, body: theirs }))
      show()
      act(() => keepFormer('model-a', [share('model-a-2', 100)]))
      await userEvent.click(screen.getByRole('button', { name: 'Go back to it' }))
      expect(await screen.findByText(/model-a-2 0 % → 40 %, model-a-1 100 % → 60 %/)).toHaveTextContent(/Set by bob, .+ ago\./)
    })
  })
})
