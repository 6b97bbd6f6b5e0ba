import { act, renderHook } from '@testing-library/react'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Trouble } from '../trouble'
import { useAsk } from './useAsk'
import { usePaced } from './usePaced'

/** A question whose answers the test gives, in any order. */
function questions() {
  const asked: { signal: AbortSignal; answer: (text: string) => void; fail: (error: Error) => void }[] = []
  const ask = (signal: AbortSignal) => new Promise<string>((answer, fail) => asked.push({ signal, answer, fail }))
  return { asked, ask }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('what is asked', () => {
  const start = (keep = false) => {
    const { asked, ask } = questions()
    const hook = renderHook(({ key }) => useAsk(key, ask, keep), { initialProps: { key: 'a' } })
    return { asked, hook, now: () => hook.result.current }
  }

  it('is waited for, then there', async () => {
    const { asked, now } = start()
    expect(now()).toMatchObject({ waiting: true, data: undefined })
    await act(async () => asked[0]!.answer('A'))
    expect(now()).toMatchObject({ waiting: false, data: 'A', trouble: undefined })
  })

  it('is stopped by the next question, and never answers late', async () => {
    const { asked, hook, now } = start()
    hook.rerender({ key: 'b' })
    expect(asked[0]!.signal.aborted).toBe(true)
    await act(async () => asked[1]!.answer('B'))
    await act(async () => asked[0]!.answer('A'))
    expect(now().data).toBe('B')
  })

  it('leaves the former answer standing if told to', async () => {
    const { asked, hook, now } = start(true)
    await act(async () => asked[0]!.answer('A'))
    hook.rerender({ key: 'b' })
    expect(now()).toMatchObject({ data: 'A', stale: true, waiting: true })
    await act(async () => asked[1]!.answer('B'))
    expect(now()).toMatchObject({ data: 'B', stale: false })
  })

  it('can fail, and be asked again', async () => {
    const { asked, now } = start()
    await act(async () => asked[0]!.fail(new Trouble('gone', 'away')))
    expect(now().trouble?.kind).toBe('gone')
    act(() => now().retry())
    expect(now()).toMatchObject({ trouble: undefined, waiting: true })
    await act(async () => asked[1]!.answer('A'))
    expect(now().data).toBe('A')
  })

  it('is slow after a while, until it is there', async () => {
    const { asked, now } = start()
    expect(now().slow).toBe(false)
    act(() => void vi.advanceTimersByTime(1_500))
    expect(now().slow).toBe(true)
    await act(async () => asked[0]!.answer('A'))
    expect(now().slow).toBe(false)
  })

  it('is nothing without a key, and is stopped with its component', () => {
    const { asked, hook, now } = start()
    hook.unmount()
    expect(asked[0]!.signal.aborted).toBe(true)
    const { result } = renderHook(() => useAsk('', questions().ask))
    expect(result.current.waiting).toBe(false)
    expect(now()).toBeDefined()
  })
})

it('a paced value changes at once after a pause, else at the end of it, and to the last one', () => {
  const { result, rerender } = renderHook(({ value }) => usePaced(value, 100), { initialProps: { value: 0 } })
  act(() => void vi.advanceTimersByTime(200))
  for (const value of [1, 2, 3]) {
    rerender({ value })
    act(() => void vi.advanceTimersByTime(10))
  }
  expect(result.current).toBe(1)
  act(() => void vi.advanceTimersByTime(100))
  expect(result.current).toBe(3)
})
