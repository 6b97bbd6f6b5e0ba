import { act, render, screen } from '@testing-library/react'
import { expect, it, vi } from 'vitest'
import { Table } from './Table'

/** jsdom lays nothing out: here is what a browser would say of it. */
function layOut() {
  let tell = () => {}
  vi.stubGlobal(
    'ResizeObserver',
    class {
      constructor(told: () => void) {
        tell = told
      }
      observe() {}
      disconnect() {}
    },
  )
  return (frame: Element, widths: { scrollWidth: number; clientWidth: number }) => {
    for (const [name, value] of Object.entries(widths)) Object.defineProperty(frame, name, { value, configurable: true })
    act(tell)
  }
}

it('is reached by the keyboard while it is too wide, and only then', () => {
  const resize = layOut()
  render(
    <Table name="Answers" columns={['Model']}>
      <tr>
        <th scope="row">A</th>
      </tr>
    </Table>,
  )
  const frame = screen.getByRole('table', { name: 'Answers' }).parentElement!
  expect(frame.tabIndex).toBe(-1)
  resize(frame, { scrollWidth: 400, clientWidth: 300 })
  expect(screen.getByRole('group', { name: 'Answers' })).toBe(frame)
  expect(frame.tabIndex).toBe(0)
  frame.focus()
  resize(frame, { scrollWidth: 400, clientWidth: 400 })
  expect(frame).toHaveFocus() // and does not lose it to nobody
  act(() => frame.blur())
  expect(screen.queryByRole('group')).toBeNull()
  expect(frame.tabIndex).toBe(-1)
})
