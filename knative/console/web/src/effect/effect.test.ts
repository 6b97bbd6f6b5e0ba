import { describe, expect, it } from 'vitest'
import type { ModelInfo } from '../contract'
import { byQuantile, crossings, drawnOf, familyOf } from './family'
import { numberIn } from './input'
import { roundScale, scale } from './scale'
import { elementsOf, encodeInput, niceStep, numbersOf, roundTo, stepOf } from './signature'

const value = (name: string, shape: number[] = [], datatype = 'FP64') => ({ name, shape, datatype })

describe('a signature', () => {
  it('is taken apart into numbers', () => {
    expect(elementsOf([value('a'), value('b', [2])])?.map((e) => e.name)).toEqual(['a', 'b[0]', 'b[1]'])
  })

  it('has no form if something else than numbers goes in, or too many', () => {
    expect(elementsOf([value('a', [], 'BYTES')])).toBeUndefined()
    expect(elementsOf([value('a', [65])])).toBeUndefined()
  })

  it('makes a lone number an input of its own, and several a list', () => {
    expect(encodeInput({ inputs: [value('a')], outputs: [] }, [1])).toBe(1)
    expect(encodeInput({ inputs: [value('a', [1])], outputs: [] }, [1])).toEqual([1])
    expect(encodeInput({ inputs: [value('a'), value('b')], outputs: [] }, [1, 2])).toEqual([1, 2])
  })

  it('reads outputs, whatever their shape', () => {
    expect(numbersOf(1)).toEqual([1])
    expect(numbersOf([[1, 2], [3]])).toEqual([1, 2, 3])
    expect(numbersOf('x')).toEqual([Number.NaN])
  })
})

describe('steps and scales', () => {
  it.each([
    [0.0968, 0.05],
    [0.284, 0.2],
    [1, 1],
    [0.5, 0.5],
    [1234, 1000],
  ])('the round step of %d is %d', (size, step) => expect(niceStep(size)).toBe(step))

  it('rounds without dust', () => {
    expect(roundTo(0.30000000000000004, 0.1)).toBe(0.3)
    expect(stepOf({ name: '', description: '', unit: '', integer: true, range: undefined })).toBe(1)
  })

  it('maps there and back, and ticks at round values', () => {
    const s = scale(18, 42.2, 50, 650)
    expect(s.ticks).toEqual([20, 25, 30, 35, 40])
    expect(s.toValue(s.toPixel(30))).toBeCloseTo(30)
    expect(roundScale(25, 346, 0, 1)).toMatchObject({ min: 0, max: 350 })
    expect(scale(5, 5, 0, 1).ticks).toContain(5)
  })
})

describe('numbers that are typed', () => {
  it.each([
    ['1.5', 1.5],
    [' 1,5 ', 1.5],
    ['-2e3', -2000],
    ['', Number.NaN],
    ['1.5x', Number.NaN],
    ['Infinity', Number.NaN],
  ])('%j is %d', (text, number) => expect(numberIn(text)).toBe(number))

  it('are whole where that is asked for', () => expect(numberIn('1.5', true)).toBeNaN())
})

describe('a family', () => {
  const model = (name: string, inputs: string[], kind: 'model' | 'component' = 'model'): ModelInfo => ({
    name,
    kind,
    signature: { inputs: inputs.map((i) => value(i)), outputs: [value('y')] },
    state: 'ready',
    params: null,
    revisions: [],
  })

  it('answers the same question', () => {
    const a = model('a', ['x'])
    const all = [a, model('b', ['x']), model('c', ['z']), model('d', ['x'], 'component'), { ...model('e', []), signature: null }]
    expect(familyOf(all, a).map((m) => m.name)).toEqual(['a', 'b'])
  })

  it('is drawn together if it is small, else a few of it: those that were chosen, or that have the same components', () => {
    const sample = [model('a', ['x']), model('b', ['x']), model('c', ['x'])]
    const names = (models: ModelInfo[]) => models.map((m) => m.name)
    expect(drawnOf(sample, sample[1]!, undefined)).toEqual(sample)
    const requires = (digest: string) => ({ params: { version: 1, digest: '', requires: [{ name: 'd', version: 1, digest }] } })
    const large = Array.from({ length: 100 }, (_, i) => ({ ...model(`m${i}`, ['x']), ...requires(i % 20 === 7 ? 'mine' : 'other') }))
    expect(names(drawnOf(large, large[47]!, undefined))).toEqual(['m7', 'm27', 'm47', 'm67', 'm87'])
    expect(names(drawnOf(large, large[47]!, ['m3', 'gone', 'm99']))).toEqual(['m3', 'm47', 'm99'])
    expect(names(drawnOf(large, large[47]!, []))).toEqual(['m47'])
    expect(drawnOf(large, large[47]!, names(large))).toHaveLength(5)
  })

  it('is ordered by quantile, those without one left out', () => {
    expect(byQuantile([{ quantile: 0.9 }, { quantile: undefined }, { quantile: 0.1 }, { quantile: 0.1 }])).toEqual([{ quantile: 0.1 }, { quantile: 0.9 }])
  })

  it('shows where its quantiles cross', () => {
    const low = { quantile: 0.1, values: [1, 5, 6, 1, 9] }
    const high = { quantile: 0.9, values: [2, 4, 4, 4, 4] }
    expect(crossings([high, low])).toEqual([
      { from: 1, to: 2 },
      { from: 4, to: 4 },
    ])
    expect(crossings([low])).toEqual([])
  })
})
