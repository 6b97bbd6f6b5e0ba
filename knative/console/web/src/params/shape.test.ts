import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { JsonSchema } from '../contract'
import { shapeOf, type Shape } from './shape'
import { readTyped, type Typed, typedOf } from './typed'

const everything = JSON.parse(readFileSync('../../../framework/schema/testdata/everything.schema.json', 'utf8')) as JsonSchema

const params = {
  yes: true,
  float: 0.1,
  narrow: 0.5,
  int: 3,
  int8: -128,
  uint16: 1000,
  uint64: 0,
  level: 'high',
  when: '2026-01-01T00:00:00Z',
  addr: '10.0.0.1',
  three: [1, 2, 3],
  some: ['a'],
  pair: [1, 2],
  rows: [[1], [2, 3]],
  inner: { a: 1, b: 'x' },
  list: [{ a: 1 }],
  map: { one: 1 },
  any: { whatever: [null] },
}

function edit(typed: Typed, change: Record<string, Typed>): Typed {
  return { ...(typed as Record<string, Typed>), ...change }
}

describe('a form made from a schema', () => {
  const shape = shapeOf(everything, params)
  const fields = Object.fromEntries((shape as Shape & { kind: 'group' }).fields.map((f) => [f.name, f]))

  it('has a field of the right kind for everything that a schema can say', () => {
    const kinds = Object.fromEntries(Object.entries(fields).map(([name, f]) => [name, f.kind]))
    expect(kinds).toMatchObject({ yes: 'flag', float: 'number', level: 'choice', when: 'text', three: 'list', inner: 'group', map: 'map', any: 'json', rows: 'list' })
    expect(fields.float).toMatchObject({ min: -1, max: 1_000_000, unit: 'kg/m²', description: 'A number.', path: 'params.float' })
    expect(fields.narrow).toMatchObject({ min: -1, minOpen: true, max: 1, maxOpen: true })
    expect(fields.map).toMatchObject({ optional: true })
  })

  it('gives back exactly what it was filled with', () => {
    const { value, problems } = readTyped(shape, typedOf(shape, params))
    expect(problems).toEqual({})
    expect(value).toEqual(params)
  })

  it('names each wrong field by its path', () => {
    const typed = edit(typedOf(shape, params), { three: ['1', '-2', ''], level: '', float: 'x', inner: { a: '', b: null }, map: { entries: [['a', '1'], ['a', '2'], ['', '3']] }, some: [] })
    expect(readTyped(shape, typed).problems).toEqual({
      'params.float': { why: 'noNumber' },
      'params.level': { why: 'noChoice' },
      'params.three[1]': { why: 'min', limit: 0 },
      'params.three[2]': { why: 'empty' },
      'params.some': { why: 'few', limit: 1 },
      'params.inner.a': { why: 'empty' },
      'params.map[1]': { why: 'nameTwice' },
      'params.map[2]': { why: 'noName' },
    })
  })

  it('leaves out what may be missing', () => {
    const { value } = readTyped(shape, edit(typedOf(shape, params), { map: null, any: null }))
    expect(value).not.toHaveProperty('map')
    expect(value).not.toHaveProperty('any')
  })

  it('edits as JSON what does not fit the schema, or is too much for fields', () => {
    const other = shapeOf(everything, { ...params, float: 'text', three: Array.from({ length: 65 }, () => 1) }) as Shape & { kind: 'group' }
    expect(other.fields.find((f) => f.name === 'float')?.kind).toBe('json')
    expect(other.fields.find((f) => f.name === 'three')?.kind).toBe('json')
    expect(shapeOf(everything, { more: 1 }).kind).toBe('json')
    expect(shapeOf({}, 3).kind).toBe('json')
  })
})
