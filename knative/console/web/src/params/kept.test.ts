import { describe, expect, it, vi } from 'vitest'
import type { Replica, ReplicasEvent } from '../contract'
import { type Convergence, follow } from './convergence'
import { draftOf, dropDraft, keepDraft, reloadDrafts } from './drafts'

const draft = { base: { model: 'model-a', version: 1, digest: '', params: {} }, etag: '"1-a"', typed: { bias: '1.50' }, requires: {}, message: 'why' }

describe('a draft', () => {
  it('survives a reload, and a closed tab', () => {
    keepDraft('model-a', draft)
    reloadDrafts()
    expect(draftOf('model-a')).toMatchObject(draft)
    sessionStorage.clear()
    reloadDrafts()
    expect(draftOf('model-a')).toMatchObject(draft)
    expect(draftOf('model-b')).toBeUndefined()
  })

  it('is gone when it is dropped', () => {
    keepDraft('model-a', draft)
    dropDraft('model-a')
    reloadDrafts()
    expect(draftOf('model-a')).toBeUndefined()
  })

  it('of another tab stays, when that of this one is dropped', () => {
    keepDraft('model-a', draft)
    localStorage.setItem('modelfn.draft.model-a', JSON.stringify({ ...draft, message: 'theirs', writeId: 'theirs' }))
    dropDraft('model-a')
    expect(draftOf('model-a')).toBeUndefined()
    reloadDrafts()
    expect(draftOf('model-a')?.message).toBe('theirs')
  })

  it('names another write when it changed', () => {
    keepDraft('model-a', draft)
    const first = draftOf('model-a')?.writeId
    keepDraft('model-a', { ...draft, message: 'other' })
    expect(draftOf('model-a')?.writeId).not.toBe(first)
  })

  it('lives in memory where nothing can be stored, and what is no draft is none', () => {
    vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
      throw new Error('full')
    })
    keepDraft('model-a', draft)
    expect(draftOf('model-a')).toMatchObject(draft)
    vi.restoreAllMocks()
    dropDraft('model-a')
    localStorage.setItem('modelfn.draft.model-c', '{"base":')
    expect(draftOf('model-c')).toBeUndefined()
  })
})

const replica = (name: string, version: number, state: Replica['state'] = 'serving', revision = ''): Replica => ({ name, version, state, revision, since: '' })
const event = (version: number, ...replicas: Replica[]): ReplicasEvent => ({ model: 'model-a', version, replicas })
const begun: Convergence = { version: 2, began: 100, seen: {}, replicas: [], took: undefined, overtaken: 0 }
const none = new Set<string>()

describe('the convergence of replicas', () => {
  it('takes as long as its last replica', () => {
    let now = follow(begun, event(2, replica('a', 2), replica('b', 1)), 150, none)
    expect(now).toMatchObject({ seen: { a: 50 }, took: undefined })
    now = follow(now, event(2, replica('a', 2), replica('b', 2)), 220, none)
    expect(now.took).toBe(120)
    expect(follow(now, event(3, replica('a', 3)), 900, none)).toBe(now)
  })

  it('waits neither for those that end nor for those that are pinned', () => {
    const now = follow(begun, event(2, replica('a', 2), replica('b', 1, 'draining'), replica('c', 1, 'serving', 'old-00001')), 150, new Set(['old-00001']))
    expect(now.took).toBe(50)
  })

  it('is not there while one is rejected, or none runs', () => {
    expect(follow(begun, event(2, replica('a', 2), replica('b', 1, 'rejected')), 150, none).took).toBeUndefined()
    expect(follow(begun, event(2), 150, none).took).toBeUndefined()
  })

  it('ends when another version comes first', () => {
    expect(follow(begun, event(3, replica('a', 2), replica('b', 1)), 150, none).overtaken).toBe(3)
  })
})
