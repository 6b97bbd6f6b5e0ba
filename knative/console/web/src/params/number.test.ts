import { describe, expect, it } from 'vitest'
import { readNumber, stepFor, stepped } from './number'
import type { NumberShape } from './shape'

const any: NumberShape = { kind: 'number', path: 'p', name: 'p', description: '', unit: '', optional: false, integer: false, min: -Infinity, max: Infinity, minOpen: false, maxOpen: false }
const whole = { ...any, integer: true }

describe('a number', () => {
  it.each([
    ['16.473058565735137', 16.473058565735137],
    [' 1.50 ', 1.5],
    ['+2', 2],
    ['.5', 0.5],
    ['-1e-3', -0.001],
    ['−4', -4],
    ['-0', 0],
    ['9007199254740992', 2 ** 53],
    ['1e20', 1e20],
  ])('%s is taken as it stands', (text, value) => expect(readNumber(text, any)).toEqual({ value }))

  it.each([
    ['', 'empty'],
    ['1,5', 'comma'],
    ['1 2', 'noNumber'],
    ['0x10', 'noNumber'],
    ['NaN', 'noNumber'],
    ['Infinity', 'noNumber'],
    ['1e999', 'tooLarge'],
    ['1e-999', 'tooSmall'],
    ['9007199254740993', 'inexact'],
  ])('%s is refused: %s', (text, why) => expect(readNumber(text, any)).toEqual({ wrong: { why } }))

  it.each([
    ['1.5', 'noInteger'],
    ['1e20', 'inexact'],
  ])('%s is no integer that is exact', (text, why) => expect(readNumber(text, whole)).toEqual({ wrong: { why } }))

  it('keeps to its range, with its ends or without', () => {
    const share = { ...any, min: 0, max: 1, minOpen: true }
    expect(readNumber('0', share)).toEqual({ wrong: { why: 'minOpen', limit: 0 } })
    expect(readNumber('1', share)).toEqual({ value: 1 })
    expect(readNumber('1.1', share)).toEqual({ wrong: { why: 'max', limit: 1 } })
  })

  it('goes on by steps of its own size', () => {
    expect(stepFor(16.4, any)).toBe(0.1)
    expect(stepFor(0.5, { ...any, min: 0, max: 1 })).toBe(0.01)
    expect(stepFor(3, whole)).toBe(1)
    expect(stepped(0.1, 0.2)).toBe(0.3)
  })
})
