import { readFileSync } from 'node:fs'
import { render, screen, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { useState } from 'react'
import { describe, expect, it, vi } from 'vitest'
import type { JsonSchema } from '../contract'
import { Fields } from './Fields'
import { placesOf } from './places'
import { type Shape, shapeOf } from './shape'
import { type Problems, readTyped, type Typed, typedOf } from './typed'

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

/** Told what the form makes of what is typed. */
const made = vi.fn<(value: unknown) => void>()
const value = () => made.mock.lastCall![0] as Record<string, unknown>

function Form({ shape, first, said, readOnly }: { shape: Shape; first: unknown; said: Problems; readOnly: boolean }) {
  const [typed, type] = useState<Typed>(() => typedOf(shape, first))
  const read = readTyped(shape, typed)
  made(read.value)
  return <Fields shape={shape} typed={typed} onType={type} state={{ problems: { ...said, ...read.problems }, places: placesOf(shape, typed), readOnly, former: (path) => (path === 'params.float' ? '0.2' : undefined) }} />
}

function show({ first = params, said = {}, readOnly = false }: { first?: unknown; said?: Problems; readOnly?: boolean } = {}) {
  return render(<Form shape={shapeOf(everything, first)} first={first} said={said} readOnly={readOnly} />)
}

const field = (name: string | RegExp) => screen.getByLabelText(name, { selector: 'input:not([type=range]), select, textarea' })
const group = (name: RegExp) => within(screen.getByRole('group', { name }))

describe('the fields of a form', () => {
  it('are of the kind that the schema says, with what it says of them', () => {
    show()
    expect(field(/yes$/)).toBeChecked()
    expect(field(/float$/)).toHaveValue('0.1')
    expect(field(/float$/)).toHaveAccessibleDescription(/was 0\.2\s+A number\. · kg\/m² · at least -1, at most 1000000/)
    expect(field(/uint16$/)).toHaveAccessibleDescription(/Narrower than its type\. · a whole number, at least 0, at most 1000$/)
    expect(field(/narrow$/)).toHaveAccessibleDescription(/above -1, below 1$/)
    expect([...(field(/level$/) as HTMLSelectElement).options].map((o) => o.text)).toEqual(['low', 'high'])
    expect(field(/level$/)).toHaveDisplayValue('high')
    expect(group(/^three A range holds/).getAllByRole('textbox')).toHaveLength(3)
    expect(group(/^inner An object/).getByLabelText(/b$/)).toHaveValue('x')
    expect(JSON.parse((field(/any$/) as HTMLTextAreaElement).value)).toEqual({ whatever: [null] })
    expect(value()).toEqual(params)
  })

  it('are numbered as the article has it, in the order of the schema', () => {
    show()
    expect(field('Param 1 yes')).toBeVisible()
    expect(field('Param 2 float')).toBeVisible()
    expect(field('Param 12 three[1]')).toHaveValue('2')
  })

  it('take what is typed, and change nothing else', async () => {
    show()
    await userEvent.clear(field(/float$/))
    await userEvent.type(field(/float$/), '-0.25e0')
    await userEvent.click(field(/yes$/))
    await userEvent.selectOptions(field(/level$/), 'low')
    await userEvent.type(group(/^inner/).getByLabelText(/b$/), 'y')
    expect(value()).toEqual({ ...params, float: -0.25, yes: false, level: 'low', inner: { a: 1, b: 'xy' } })
  })

  it('step by the arrow keys, ten times as far with Shift', async () => {
    show()
    await userEvent.type(field(/narrow$/), '{ArrowUp}')
    expect(field(/narrow$/)).toHaveValue('0.51')
    await userEvent.type(field(/narrow$/), '{Shift>}{ArrowDown}{/Shift}')
    expect(field(/narrow$/)).toHaveValue('0.41')
    expect(screen.getByRole('slider', { name: 'narrow, slider' })).toHaveValue('0.41')
  })

  it('grow and shrink where a list or a map may', async () => {
    show()
    const some = group(/^some/)
    await userEvent.click(some.getByRole('button', { name: 'Add one' }))
    expect(some.queryByRole('button', { name: 'Add one' })).toBeNull()
    await userEvent.selectOptions(some.getAllByRole('combobox')[1]!, 'b')
    expect(value().some).toEqual(['a', 'b'])
    await userEvent.click(some.getByRole('button', { name: 'Remove some[0]' }))
    expect(value().some).toEqual(['b'])
    expect(some.queryByRole('button', { name: /^Remove/ })).toBeNull()
    const map = group(/^map/)
    await userEvent.click(map.getByRole('button', { name: 'Add one' }))
    await userEvent.type(map.getAllByLabelText('Name')[1]!, 'one')
    expect(map.getByText('This name is there already.')).toBeVisible()
    await userEvent.type(map.getAllByLabelText('Name')[1]!, 's')
    await userEvent.type(map.getByLabelText(/ones$/, { selector: 'input' }), '7')
    expect(value().map).toEqual({ one: 1, ones: 7 })
  })

  it('may be left out where they are optional, and given again', async () => {
    show()
    await userEvent.click(group(/^map/).getByRole('button', { name: 'Leave it out' }))
    expect(value()).not.toHaveProperty('map')
    const left = screen.getByText('map').parentElement!
    await userEvent.click(within(left).getByRole('button', { name: 'Give it' }))
    expect(value().map).toEqual({})
  })

  it('say what is wrong where it is wrong, and keep it as it was typed', async () => {
    show({ said: { 'params.three[1]': { why: 'said', said: 'the server knows better' }, 'params.rows': { why: 'said', said: 'too few rows' } } })
    await userEvent.clear(field(/float$/))
    await userEvent.type(field(/float$/), '1,5')
    expect(field(/float$/)).toHaveValue('1,5')
    expect(field(/float$/)).toBeInvalid()
    expect(field(/float$/)).toHaveAccessibleDescription(expect.stringContaining('Write a point instead of the comma.'))
    expect(field(/three\[1\]$/)).toBeInvalid()
    expect(field(/three\[1\]$/)).toHaveAccessibleDescription(expect.stringContaining('the server knows better'))
    expect(field(/three\[0\]$/)).toBeValid()
    expect(screen.getByRole('group', { name: 'rows' })).toHaveAccessibleDescription(expect.stringContaining('too few rows'))
  })

  it('show all to a reader, who changes nothing', () => {
    show({ readOnly: true })
    for (const input of screen.getAllByRole('textbox')) expect(input).toHaveAttribute('readonly')
    for (const input of [...screen.getAllByRole('combobox'), ...screen.getAllByRole('checkbox'), ...screen.getAllByRole('slider')]) expect(input).toBeDisabled()
    expect(screen.queryByRole('button')).toBeNull()
  })

  it('are one field of JSON where no other holds it', async () => {
    show({ first: { more: 1 } })
    expect(field('Param 1 params')).toHaveValue('{\n  "more": 1\n}')
    await userEvent.clear(field('Param 1 params'))
    await userEvent.type(field('Param 1 params'), '{{"more":')
    expect(screen.getByText('This is no JSON.')).toBeVisible()
  })
})
