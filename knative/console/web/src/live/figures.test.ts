import { expect, it } from 'vitest'
import { figuresOf } from './figures'
import { standingOf } from './replicas'
import type { Replica } from '../contract'

it('puts each second in its place, and takes those left out as quiet', () => {
  const f = figuresOf(
    [
      { at: 41, models: { a: { requests: 7, errors: 1, p50: 1, p99: 2 }, b: { requests: 1, errors: 0, p50: 9, p99: 9 } } },
      { at: 99, models: { a: { requests: 10, errors: 0, p50: 3, p99: null } } },
      { at: 100, models: {} },
    ],
    'a',
  )
  expect(f.requests).toHaveLength(60)
  expect([f.requests[0], f.requests[58], f.requests[59]]).toEqual([7, 10, 0])
  expect(f.p50.filter((v) => v !== null)).toEqual([1, 3])
  expect(f.rate).toBe(2)
  expect(f.failed).toBe(1)
  expect(f.latest).toEqual({ p50: null, p99: null })
})

it('is all quiet when nothing was told', () => {
  expect(figuresOf([], 'a')).toMatchObject({ rate: 0, failed: 0 })
})

it('counts the replicas that are on the version, and those that are not yet', () => {
  const replica = (version: number, state: Replica['state'], revision = 'r1'): Replica => ({ name: `${version}${state}${revision}`, revision, version, state, since: '' })
  const event = {
    model: 'a',
    version: 17,
    replicas: [replica(17, 'serving'), replica(16, 'serving'), replica(16, 'rejected'), replica(17, 'stale'), replica(16, 'draining'), replica(3, 'serving', 'pinned')],
  }
  expect(standingOf(event, new Set(['pinned']))).toMatchObject({ onVersion: 1, catchingUp: 1, stale: 1, rejected: [{ version: 16 }], all: { length: 4 } })
})
