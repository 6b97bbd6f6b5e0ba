import { describe, expect, it } from 'vitest'
import { diffVersions } from './diff'
import { choices, firstSide, merge } from './merge'
import { problemsIn, settled } from './problems'

describe('what a server has against params', () => {
  it('stands at its field, each of several at its own', () => {
    expect(problemsIn('params.quantile: 2 is not below 1; params.weights[1]: got string; want number').problems).toEqual({
      'params.quantile': { why: 'said', said: '2 is not below 1' },
      'params.weights[1]': { why: 'said', said: 'got string; want number' },
    })
  })

  it('stays a message if it names no field', () => {
    expect(problemsIn('too many writes at once')).toEqual({ problems: {}, rest: 'too many writes at once' })
  })

  it('goes to the nearest field around', () => {
    const fields = new Set(['params', 'params.weights', 'params.any'])
    expect(settled({ 'params.any.a[3].b': { why: 'empty' }, 'params.weights': { why: 'empty' }, message: { why: 'empty' } }, fields)).toEqual({
      'params.any': { why: 'empty' },
      'params.weights': { why: 'empty' },
      message: { why: 'empty' },
    })
  })
})

describe('two versions', () => {
  it('differ by path, with the components that they pin', () => {
    const before = { params: { weights: [1, 2], bias: 3, old: true }, requires: { 'component-d': { version: 1, digest: 'a' } } }
    const after = { params: { bias: 3, weights: [1, 4, 5] }, requires: { 'component-d': { version: 2, digest: 'b' } } }
    expect(diffVersions(before, after)).toEqual([
      { path: 'params.weights[1]', before: 2, after: 4 },
      { path: 'params.weights[2]', before: undefined, after: 5 },
      { path: 'params.old', before: true, after: undefined },
      { path: 'requires.component-d', before: 1, after: 2 },
    ])
  })
})

describe('a conflict', () => {
  const base = { weights: [1, 2, 3], bias: 0, quantile: 0.5, list: [1] }
  const mine = { weights: [1, 9, 3], bias: 5, quantile: 0.5, list: [1, 2] }
  const theirs = { weights: [1, 2, 8], bias: 6, quantile: 0.6, list: [3] }

  it('says of each place who changed it', () => {
    expect(choices(base, mine, theirs).map((c) => [c.path, c.who])).toEqual([
      ['params.weights[1]', 'mine'],
      ['params.weights[2]', 'theirs'],
      ['params.bias', 'both'],
      ['params.quantile', 'theirs'],
      ['params.list', 'both'],
    ])
  })

  it('merges what does not meet, and what was chosen where it does', () => {
    const sides = Object.fromEntries(choices(base, mine, theirs).map((c) => [c.path, firstSide(c)]))
    expect(merge(mine, theirs, sides)).toEqual({ weights: [1, 9, 8], bias: 5, quantile: 0.6, list: [1, 2] })
    expect(merge(mine, theirs, { ...sides, 'params.bias': 'theirs' })).toMatchObject({ bias: 6 })
  })

  it('takes whole sides as they are, with what only one of them has', () => {
    const [a, b] = [{ only: 1, x: 1 }, { x: 2 }]
    const all = (side: 'mine' | 'theirs') => Object.fromEntries(choices({}, a, b).map((c) => [c.path, side]))
    expect(merge(a, b, all('mine'))).toEqual(a)
    expect(merge(a, b, all('theirs'))).toEqual(b)
  })
})
