import { render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { expect, it, vi } from 'vitest'
import * as api from '../api'
import type { ModelInfo } from '../contract'
import { Many } from './Many'
import { elementsOf } from './signature'

const model: ModelInfo = {
  name: 'model-a',
  kind: 'model',
  signature: { inputs: [{ name: 'x', datatype: 'FP64', shape: [] }], outputs: [{ name: 'y', datatype: 'FP64', shape: [] }] },
  state: 'ready',
  params: null,
  revisions: [],
}

it('says what is wrong at the table itself, and reads out that there are answers', async () => {
  vi.spyOn(api, 'predict').mockImplementation(async (_, inputs) => ({ outputs: inputs.map(() => 10), by: { model: 'model-a', version: 1, digest: '', components: '', revision: '' } }))
  render(<Many model={model} family={[model]} inputs={elementsOf(model.signature!.inputs)!} />)
  const table = screen.getByLabelText('Paste a table, or drop a file here')
  await userEvent.type(table, 'x{Enter}high')
  expect(await screen.findByText('Line 2, x: “high” is no number.')).toBeVisible()
  expect(table).toBeInvalid()
  expect(table).toHaveAccessibleDescription(/“high” is no number/)
  await userEvent.clear(table)
  await userEvent.type(table, 'x{Enter}1')
  expect(await screen.findByText('1 answer')).toBeVisible()
  expect(screen.getAllByRole('status').some((s) => s.textContent?.includes('1 answer'))).toBe(true)
  expect(table).toBeValid()
})
