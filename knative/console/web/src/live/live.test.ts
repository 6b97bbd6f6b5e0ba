import { describe, expect, it, vi } from 'vitest'
import { live, onParams, startLive } from './live'

/** A stream that the test speaks through. */
class Stream {
  static all: Stream[] = []
  listeners = new Map<string, (message: Event) => void>()
  readyState = 1
  closed = false

  constructor() {
    Stream.all.push(this)
  }

  addEventListener(name: string, listener: unknown) {
    this.listeners.set(name, listener as (message: Event) => void)
  }

  close() {
    this.closed = true
  }

  say(name: string, data: unknown) {
    this.listeners.get(name)?.(new MessageEvent(name, { data: JSON.stringify(data) }))
  }

  fail(readyState: number) {
    this.readyState = readyState
    this.listeners.get('error')?.(new Event('error'))
  }
}

function start() {
  Stream.all = []
  const stop = startLive(() => new Stream())
  return { stop, last: () => Stream.all.at(-1)! }
}

function show(state: DocumentVisibilityState) {
  vi.spyOn(document, 'visibilityState', 'get').mockReturnValue(state)
  document.dispatchEvent(new Event('visibilitychange'))
}

const event = (model: string, version: number, created: string) => ({ model, version, digest: '', requires: [], current: version, created })

describe('the live stream', () => {
  it('keeps what it is told, each version once and the newest first', () => {
    const { stop, last } = start()
    last().say('models', { managed: false, signIn: false, registry: 'ready', models: [] })
    last().say('log', { events: [event('model-a', 1, '2026-01-01T00:00:00Z')] })
    last().say('params', event('model-a', 2, '2026-01-02T00:00:00Z'))
    last().say('params', event('model-a', 2, '2026-01-02T00:00:00Z'))
    last().say('replicas', { model: 'model-a', version: 2, replicas: [] })
    expect(live.get().link).toBe('open')
    expect(live.get().log.map((e) => e.version)).toEqual([2, 1])
    expect(live.get().replicas['model-a']?.version).toBe(2)
    stop()
  })

  it('keeps each model that is as it was, so that it is not drawn again', () => {
    const { stop, last } = start()
    const told = (version: number) => ({ managed: false, signIn: false, registry: 'ready', models: [{ name: 'model-a', params: { version: 1 } }, { name: 'model-b', params: { version } }] })
    last().say('models', told(1))
    const [a, b] = live.get().list!.models
    last().say('models', told(2))
    const [sameA, otherB] = live.get().list!.models
    expect(sameA).toBe(a)
    expect(otherB).not.toBe(b)
    expect(otherB).toMatchObject({ name: 'model-b', params: { version: 2 } })
    stop()
  })

  it('looks back a minute, and no further', () => {
    const { stop, last } = start()
    last().say('history', { seconds: [{ at: 1, models: {} }, { at: 50, models: {} }] })
    last().say('stats', { at: 70, models: {} })
    last().say('stats', { at: 70, models: {} })
    expect(live.get().seconds.map((s) => s.at)).toEqual([50, 70])
    stop()
  })

  it('tells of params that appear, while somebody listens', () => {
    const { stop, last } = start()
    const told: number[] = []
    const end = onParams((e) => told.push(e.version))
    last().say('params', event('model-a', 2, '2026-01-02T00:00:00Z'))
    end()
    last().say('params', event('model-a', 3, '2026-01-03T00:00:00Z'))
    expect(told).toEqual([2])
    stop()
  })

  it('is closed while the page is hidden, and begins anew when it is seen', () => {
    const { stop, last } = start()
    show('hidden')
    expect(last().closed).toBe(true)
    expect(live.get().link).toBe('paused')
    show('visible')
    expect(Stream.all).toHaveLength(2)
    stop()
  })

  it('leaves a break to the browser, and opens again what the browser gave up', () => {
    vi.useFakeTimers()
    const { stop, last } = start()
    last().fail(0)
    expect(live.get().link).toBe('broken')
    vi.advanceTimersByTime(60_000)
    expect(Stream.all).toHaveLength(1)

    last().fail(2)
    vi.advanceTimersByTime(1_000)
    expect(Stream.all).toHaveLength(2)
    last().fail(2)
    vi.advanceTimersByTime(1_999)
    expect(Stream.all).toHaveLength(2)
    vi.advanceTimersByTime(1)
    expect(Stream.all).toHaveLength(3)

    last().say('models', { managed: false, signIn: false, registry: 'ready', models: [] })
    expect(live.get()).toMatchObject({ link: 'open', brokenAt: 0 })
    stop()
    vi.useRealTimers()
  })
})
