import { act, createEvent, fireEvent, render, screen, waitFor } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import * as api from '../api'
import type { ModelInfo } from '../contract'
import { Many } from './Many'
import { elementsOf } from './signature'
import { forgetInputs, inputs, reloadInputs } from '../session/inputs'

const model: ModelInfo = {
  name: 'model-a',
  kind: 'model',
  signature: { inputs: [{ name: 'x', datatype: 'FP64', shape: [] }], outputs: [{ name: 'y', datatype: 'FP64', shape: [] }] },
  state: 'ready',
  params: null,
  revisions: [],
}

beforeEach(forgetInputs)

function show() {
  vi.spyOn(api, 'predict').mockImplementation(async (_, inputs) => ({ outputs: inputs.map(() => 10), by: { model: 'model-a', version: 1, digest: '', components: '', revision: '' } }))
  const { container } = render(<Many model={model} family={[model]} inputs={elementsOf(model.signature!.inputs)!} />)
  return { table: screen.getByLabelText('Paste a table, or drop a file here'), file: container.querySelector<HTMLInputElement>('input[type=file]')! }
}

it('says what is wrong at the table itself, and reads out that there are answers', async () => {
  const { table } = show()
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

describe('a file', () => {
  // jsdom knows files, but not how to read them.
  const fileOf = (text: string, read = () => Promise.resolve(text)) => Object.assign(new File([text], 'patients.csv', { type: 'text/csv' }), { text: read })
  const dropped = (...files: File[]) => ({ dataTransfer: { types: ['Files'], files } })

  it('is read again when it is chosen again', async () => {
    const { table, file } = show()
    await userEvent.upload(file, fileOf('x\n1'))
    await waitFor(() => expect(table).toHaveValue('x\n1'))
    expect(file.value).toBe('')
  })

  it('that cannot be read, as a folder, is said to be so, and changes nothing', async () => {
    const { table } = show()
    await userEvent.type(table, '1')
    fireEvent.drop(table, dropped(fileOf('', () => Promise.reject(new DOMException('a folder', 'NotReadableError')))))
    expect(await screen.findByRole('alert')).toHaveTextContent('patients.csv cannot be read')
    expect(table).toHaveValue('1')
    fireEvent.drop(table, dropped(fileOf('2')))
    await waitFor(() => expect(table).toHaveValue('2'))
    expect(screen.queryByRole('alert')).toBeNull()
  })

  it('takes the place of what was typed, which can be brought back, until one signs out', async () => {
    const { table } = show()
    await userEvent.type(table, '1')
    fireEvent.drop(table, dropped(fileOf('2')))
    await userEvent.click(await screen.findByRole('button', { name: 'Bring back what was there' }))
    expect(table).toHaveValue('1')
    expect(table).toHaveFocus()
    expect(screen.queryByRole('button', { name: 'Bring back what was there' })).toBeNull()
    fireEvent.drop(table, dropped(fileOf('2')))
    await screen.findByRole('button', { name: 'Bring back what was there' })
    act(forgetInputs)
    expect(table).toHaveValue('')
    expect(screen.queryByRole('button', { name: 'Bring back what was there' })).toBeNull()
  })

  it('is kept over a reload, but not what it took the place of', async () => {
    const { table } = show()
    await userEvent.type(table, '1')
    fireEvent.drop(table, dropped(fileOf('2')))
    await waitFor(() => expect(table).toHaveValue('2'))
    act(reloadInputs)
    expect(table).toHaveValue('2')
    expect(Object.values(inputs.get())[0]).not.toHaveProperty('former')
  })

  it('is taken where it is dropped, and text that is dragged is left to the browser', () => {
    const { table } = show()
    for (const [types, taken] of [[['Files'], true], [['text/plain'], false]] as const) {
      for (const what of ['dragOver', 'drop'] as const) {
        const event = createEvent[what](table, { dataTransfer: { types, files: [] } })
        fireEvent(table, event)
        expect(event.defaultPrevented, `${what} of ${types}`).toBe(taken)
      }
    }
  })
})
