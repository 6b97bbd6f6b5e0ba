import { act, renderHook } from '@testing-library/react'
import { beforeEach, expect, it } from 'vitest'
import type { ModelInfo } from '../contract'
import { useForm } from './input'
import { elementsOf } from './signature'
import { forgetInputs, longestKept, reloadInputs } from '../session/inputs'

const signature: ModelInfo['signature'] = { inputs: [{ name: 'x', datatype: 'FP64', shape: [2] }], outputs: [] }
const key = JSON.stringify(signature!.inputs)
const model = { name: 'model-a', signature } as ModelInfo
const show = () => renderHook(() => useForm(model, elementsOf(signature!.inputs)!)).result

beforeEach(reloadInputs)

it('is there again after a reload: what was typed, what is swept, and the table', () => {
  const form = show()
  act(() => form.current.type(0, '1e'))
  act(() => form.current.sweepOver(1))
  act(() => form.current.paste('1,2'))
  act(reloadInputs)
  expect(form.current).toMatchObject({ texts: ['1e', '0'], sweep: 1, table: '1,2' })
})

it('keeps no table that is too long, and all the rest', () => {
  const form = show()
  act(() => form.current.type(1, '7'))
  act(() => form.current.paste('1'.repeat(longestKept + 1)))
  expect(form.current.table).toHaveLength(longestKept + 1)
  act(reloadInputs)
  expect(form.current).toMatchObject({ texts: ['0', '7'], table: '' })
})

it.each(['["no", "input"]', '["no", {}]', '7', '{"', JSON.stringify({ [key]: null, other: 7 }), JSON.stringify({ [key]: {} })])('begins anew where what is kept is none of ours, and keeps what comes: %s', (kept) => {
  const form = show()
  sessionStorage.setItem('modelfn.input', kept)
  act(reloadInputs)
  expect(form.current).toMatchObject({ texts: ['0', '0'], table: '' })
  act(() => form.current.type(0, '5'))
  act(reloadInputs)
  expect(form.current).toMatchObject({ texts: ['5', '0'], table: '' })
})

it('is gone, and kept nowhere, when it is to be forgotten', () => {
  const form = show()
  act(() => form.current.paste('1,2'))
  act(forgetInputs)
  expect(form.current.table).toBe('')
  expect(sessionStorage).toHaveLength(0)
})
