import { describe, expect, it } from 'vitest'
import type { Revision } from '../contract'
import { count, tolerance } from './count'
import { giving, movesTo, problemsIn, rowsFor, rowsOf, sharesOf, sumOf, tagsIn } from './split'

const revision = (name: string, percent: number, tags: string[] = [], ready = true): Revision => ({ name, percent, tags, ready, image: '', paramsVersion: 0, pods: 1, created: '' })
const revisions = [revision('m-3', 0, ['candidate']), revision('m-2', 70), revision('m-1', 30), revision('m-0', 0, [], false)]
const percents = (rows: { percent: string }[]) => rows.map((r) => r.percent)

describe('a split of the traffic', () => {
  it('leaves out who gets neither traffic nor a tag', () => {
    expect(sharesOf(rowsOf(revisions))).toEqual([
      { revision: 'm-3', percent: 0, tags: ['candidate'] },
      { revision: 'm-2', percent: 70, tags: [] },
      { revision: 'm-1', percent: 30, tags: [] },
    ])
  })

  it('gives one a share, and the others the rest as they had it', () => {
    const rows = giving(rowsOf(revisions), 'm-3', 10)
    expect(percents(rows)).toEqual(['10', '63', '27', '0'])
    expect(sumOf(giving(rows, 'm-2', 1))).toBe(100)
    expect(percents(giving(rowsOf([revision('b', 100), revision('a', 0)]), 'b', 60))).toEqual(['60', '40'])
  })

  it('names what is wrong, by revision', () => {
    const rows = rowsOf(revisions).map((r, i) => ({ ...r, percent: ['1.5', '101', '30', '1'][i]!, tags: ['x', '', 'x', 'Nö'][i]! }))
    expect(problemsIn(rows, revisions)).toEqual({ 'm-3': 'noNumber', 'm-2': 'range', 'm-1': 'tagTwice', 'm-0': 'notReady' })
  })

  it('takes tags apart by what keyboards have between them', () => {
    expect(tagsIn(' stable,canary\uFF0Cnext\u3001old  last ')).toEqual(['stable', 'canary', 'next', 'old', 'last'])
  })

  it('says what changes, and only that', () => {
    const rows = rowsFor(revisions, [{ revision: 'm-2', percent: 100, tags: ['stable'] }])
    expect(movesTo(rows, revisions)).toEqual([
      { revision: 'm-3', from: 0, to: 0, tagsAdded: [], tagsTaken: ['candidate'] },
      { revision: 'm-2', from: 70, to: 100, tagsAdded: ['stable'], tagsTaken: [] },
      { revision: 'm-1', from: 30, to: 0, tagsAdded: [], tagsTaken: [] },
    ])
    expect(movesTo(rowsOf(revisions), revisions)).toEqual([])
  })
})

describe('counting who answers', () => {
  it('asks so often, and no more at once than told', async () => {
    let running = 0
    let most = 0
    let asked = 0
    const counted = await count(
      20,
      3,
      async () => {
        most = Math.max(most, ++running)
        await Promise.resolve()
        running--
        if (++asked === 7) throw new Error('away')
        return asked % 2 === 0 ? 'm-2' : 'm-1'
      },
      new AbortController().signal,
      () => {},
    )
    expect(counted).toMatchObject({ answered: 19, failed: 1 })
    expect(counted.by['m-1']! + counted.by['m-2']!).toBe(19)
    expect(most).toBe(3)
  })

  it('ends when it is stopped', async () => {
    const control = new AbortController()
    const counted = await count(100, 2, async () => 'm', control.signal, ({ answered }) => answered === 5 && control.abort())
    expect(counted.answered).toBe(5)
  })

  it('knows how far chance may go', () => {
    expect(tolerance(50, 100)).toBeCloseTo(15)
    expect(tolerance(0, 100)).toBe(0)
  })
})
