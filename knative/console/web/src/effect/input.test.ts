import { act, renderHook } from '@testing-library/react'
import { beforeEach, expect, it } from 'vitest'
import type { ModelInfo } from '../contract'
import { longestKept, reloadInputs, useForm } from './input'
import { elementsOf } from './signature'

const signature: ModelInfo['signature'] = { inputs: [{ name: 'x', datatype: 'FP64', shape: [2] }], outputs: [] }
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

it('begins anew where what is kept is none of ours', () => {
  const form = show()
  sessionStorage.setItem('modelfn.input', '["no", "input"]')
  act(reloadInputs)
  expect(form.current).toMatchObject({ texts: ['0', '0'], table: '' })
})
