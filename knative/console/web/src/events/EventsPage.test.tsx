import { act, render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { describe, expect, it } from 'vitest'
import type { ParamsEvent } from '../contract'
import { setLanguage } from '../i18n/language'
import { live } from '../live/live'
import EventsPage from './EventsPage'
import { whatOf } from './what'

const event = (model: string, version: number, digest: string, more: Partial<ParamsEvent> = {}): ParamsEvent => ({ model, version, digest, requires: [], current: version, author: 'alice', created: `2026-01-01T00:0${version}:00Z`, ...more })

const log = [event('model-a', 3, 'one', { message: 'back' }), event('model-b', 2, 'x', { held: true, author: 'bob' }), event('model-a', 2, 'two'), event('model-a', 1, 'one')]

function show(log: ParamsEvent[]) {
  live.set((l) => ({ ...l, link: 'open', list: { managed: false, signIn: false, registry: 'ready', models: [] }, log }))
  return render(<EventsPage />)
}

describe('the log of events', () => {
  it('tells what each was: a beginning, a change, one that is held, an old one again', () => {
    const what = whatOf(log)
    expect(log.map((e) => what.get(e)?.kind)).toEqual(['copy', 'held', 'new', 'first'])
    show(log)
    expect(screen.getByText(/v1 again, as v3/)).toBeVisible()
    expect(screen.getByText('back')).toBeVisible()
    expect(screen.getByText('bob')).toBeVisible()
  })

  it('tells of a held one that is promoted, which was never used before, and of that one again', () => {
    const log = [event('model-a', 5, 'two'), event('model-a', 4, 'one'), event('model-a', 3, 'two'), event('model-a', 2, 'two', { held: true }), event('model-a', 1, 'one')]
    const what = whatOf(log)
    expect(log.map((e) => what.get(e)?.kind)).toEqual(['copy', 'copy', 'promoted', 'held', 'first'])
    show(log)
    expect(screen.getByText(/promoted v2, which was held, as v3/)).toBeVisible()
    expect(screen.getByText(/v2 again, as v5/)).toBeVisible()
    act(() => setLanguage('zh'))
    expect(screen.getByText(/启用暂存的 v2，即 v3/)).toBeVisible()
  })

  it('is narrowed to a model, and to what is looked for', async () => {
    show(log)
    await userEvent.selectOptions(screen.getByLabelText('Model'), 'model-b')
    expect(screen.getAllByRole('listitem')).toHaveLength(1)
    await userEvent.selectOptions(screen.getByLabelText('Model'), '')
    await userEvent.type(screen.getByLabelText('Search'), 'alice v3')
    expect(screen.getAllByRole('listitem')).toHaveLength(1)
    await userEvent.type(screen.getByLabelText('Search'), 'zzz')
    expect(screen.getByText('Nothing fits.')).toBeVisible()
  })

  it('shows a page of many, and more on demand', async () => {
    show(Array.from({ length: 1_000 }, (_, i) => event('model-a', 1_000 - i, String(i), { created: '2026-01-01T00:00:00Z' })))
    expect(screen.getAllByRole('listitem')).toHaveLength(50)
    await userEvent.click(screen.getByRole('button', { name: 'Show 50 older ones' }))
    expect(screen.getAllByRole('listitem')).toHaveLength(100)
  })

  it('has a word for one more', () => {
    show(Array.from({ length: 51 }, (_, i) => event('model-a', 51 - i, String(i), { created: '2026-01-01T00:00:00Z' })))
    expect(screen.getByRole('button', { name: 'Show 1 older one' })).toBeVisible()
  })

  it('speaks Chinese', () => {
    act(() => setLanguage('zh'))
    show(log)
    expect(screen.getByText(/重新启用 v1，即 v3/)).toBeVisible()
    expect(screen.getAllByText('模型 A')).not.toHaveLength(0)
  })
})
