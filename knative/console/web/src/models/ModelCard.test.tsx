import { act, render, screen } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import type { ModelInfo, Replica, Revision } from '../contract'
import { live } from '../live/live'
import { ModelCard } from './ModelCard'

const revision = (name: string, percent: number, more: Partial<Revision> = {}): Revision => ({
  name,
  image: '',
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
  signature: null,
  state: 'ready',
  params: { version: 17, digest: '', requires: [], author: 'alice', message: 'a bit up' },
  revisions: [],
}

function show(more: Partial<ModelInfo>, replicas: Partial<Replica>[] = []) {
  const all = replicas.map((r, i): Replica => ({ name: `r${i}`, revision: 'a-1', version: 17, state: 'serving', since: '', ...r }))
  act(() => live.set((now) => ({ ...now, replicas: { 'model-a': { model: 'model-a', version: 17, replicas: all } } })))
  render(<ModelCard model={{ ...model, ...more }} />)
}

describe('the card of a model', () => {
  it('says who is on the current params, and who is not yet', () => {
    show({}, [{}, {}, {}, { version: 16 }])
    expect(screen.getByText('3 of 4 on v17, 1 catching up')).toBeVisible()
    expect(screen.getByText('a bit up')).toBeVisible()
  })

  it('says of its figures that they are of this gateway, and of how long', () => {
    act(() => live.set((now) => ({ ...now, seconds: [{ at: 60, models: { 'model-a': { requests: 3, errors: 2, p50: 1, p99: 2 } } }, { at: 100, models: { 'model-a': { requests: 10, errors: 1, p50: 1, p99: 2 } } }] })))
    show({})
    expect(screen.getByText('requests/s')).toHaveTextContent('requests/s 2')
    expect(screen.getByText('errors/min')).toHaveTextContent('errors/min 3')
    expect(screen.getByText('Through this gateway, last minute')).toBeVisible()
  })

  it('says why a replica refuses them', () => {
    show({}, [{}, { version: 16, state: 'rejected', error: 'params.bias: not a number' }])
    expect(screen.getByText('1 of 2 on v17, 1 rejected it')).toBeVisible()
    expect(screen.getByText('params.bias: not a number')).toBeVisible()
  })

  it('does not wait for a revision that is pinned to other params', () => {
    show({ revisions: [revision('a-1', 100), revision('a-2', 0, { paramsVersion: 3, tags: ['candidate'] })] }, [{}, { revision: 'a-2', version: 3 }])
    expect(screen.getByText('1 of 1 on v17')).toBeVisible()
  })

  it('shows the revisions that have traffic or a tag', () => {
    show({ revisions: [revision('a-3', 10, { tags: ['candidate'] }), revision('a-2', 90), revision('a-1', 0)] })
    expect(screen.getAllByRole('listitem').map((li) => li.textContent)).toEqual(['a-3candidate10 %', 'a-290 %'])
  })

  it('says of params without a program that it is not deployed, and waits for nothing of it', () => {
    show({ state: 'absent' })
    expect(screen.getByText('Not deployed')).toBeVisible()
    expect(screen.queryByText('Replicas')).toBeNull()
    expect(screen.queryByRole('img')).toBeNull()
    expect(screen.getByRole('link')).toHaveAttribute('href', '#/models/model-a/params')
  })

  it('shows a model that is scaled to zero as such, and what ails one that fails', () => {
    show({ state: 'zero' }, [{}]) // one that ends, and is known a while longer
    expect(screen.getByText('Scaled to zero')).toBeVisible()
    expect(screen.getByText('none: the next request starts one')).toBeVisible()
    show({ state: 'failing', reason: 'the image cannot be pulled' })
    expect(screen.getByText('the image cannot be pulled')).toBeVisible()
  })
})
