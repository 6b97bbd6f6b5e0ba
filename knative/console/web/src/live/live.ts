import type { ModelInfo, ModelList, ParamsEvent, ReplicasEvent, Stats } from '../contract'
import type { Source } from '../early'
import { createStore, useStore } from '../store'

/** How far back the charts look, in seconds. */
export const span = 60

const mostEvents = 2_000

/**
 * What the one stream of the page told. The link is "waiting" until the first word, "open" while the stream runs,
 * "broken" while it is tried again, and "paused" while nobody looks.
 */
export interface Live {
  link: 'waiting' | 'open' | 'broken' | 'paused'
  /** When the stream broke; 0 if it did not. */
  brokenAt: number
  list: ModelList | null
  replicas: Record<string, ReplicasEvent>
  /** The newest first, each version of a model once. */
  log: ParamsEvent[]
  /** The last 60 seconds, the oldest first; those without requests may be missing. */
  seconds: Stats[]
}

const nothing: Live = { link: 'waiting', brokenAt: 0, list: null, replicas: {}, log: [], seconds: [] }

export const live = createStore<Live>(nothing)

/** Watches what `pick` takes of the live state. */
export function useLive<P>(pick: (live: Live) => P): P {
  return useStore(live, pick)
}

const heard = new Set<(event: ParamsEvent) => void>()

/** Calls `listener` with each document that appears from now on. Returns what ends this. */
export function onParams(listener: (event: ParamsEvent) => void): () => void {
  heard.add(listener)
  return () => heard.delete(listener)
}

const keyOf = (e: ParamsEvent) => `${e.model}/${e.version}`

function merged(log: ParamsEvent[], more: ParamsEvent[]): ParamsEvent[] {
  const seen = new Set<string>()
  const all = [...more, ...log].filter((e) => !seen.has(keyOf(e)) && seen.add(keyOf(e)))
  const created = new Map(all.map((e) => [e, Date.parse(e.created ?? '') || 0]))
  all.sort((a, b) => created.get(b)! - created.get(a)! || b.version - a.version)
  return all.slice(0, mostEvents)
}

function within(seconds: Stats[]): Stats[] {
  const newest = seconds.at(-1)?.at ?? 0
  return seconds.filter((s) => s.at > newest - span)
}

/** The models as they are told, those that are as they were by the same object: who shows them has nothing to do. */
function keptOf(were: ModelInfo[], are: ModelInfo[]): ModelInfo[] {
  const known = new Map(were.map((m) => [m.name, m]))
  return are.map((m) => {
    const was = known.get(m.name)
    return was && JSON.stringify(was) === JSON.stringify(m) ? was : m
  })
}

/** What each event of the stream makes of the state. */
const changes: { [event: string]: (now: Live, data: never) => Partial<Live> } = {
  models: (now, list: ModelList) => ({ list: { ...list, models: keptOf(now.list?.models ?? [], list.models) } }),
  log: (now, { events }: { events: ParamsEvent[] }) => ({ log: merged(now.log, events) }),
  params: (now, event: ParamsEvent) => ({ log: merged(now.log, [event]) }),
  history: (_, { seconds }: { seconds: Stats[] }) => ({ seconds: within(seconds) }),
  stats: (now, second: Stats) => ({ seconds: within([...now.seconds.filter((s) => s.at < second.at), second]) }),
  replicas: (now, event: ReplicasEvent) => ({ replicas: { ...now.replicas, [event.model]: event } }),
}

const closed = 2 // EventSource.CLOSED

let stop = () => {}

/** Begins again at once, when the stream is broken. */
let again = () => {}
export const retryLive = () => again()

/**
 * Keeps one stream open while the page is visible. It begins with the whole state each time, so a new one has missed
 * nothing. A stream that the browser does not open again itself is opened again after 1 s, 2 s, … 15 s.
 */
export function startLive(open: () => Source): () => void {
  stop()
  let source: Source | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let failures = 0
  const patch = (part: Partial<Live>) => live.set((now) => ({ ...now, ...part }))

  function end() {
    clearTimeout(timer)
    source?.close()
    source = undefined
  }

  function begin() {
    end()
    const mine = (source = open())
    for (const [name, change] of Object.entries(changes)) {
      mine.addEventListener(name, (message) => {
        if (source !== mine) return
        failures = 0
        const data = JSON.parse((message as MessageEvent<string>).data) as never
        live.set((now) => ({ ...now, ...change(now, data), link: 'open', brokenAt: 0 }))
        if (name === 'params') for (const listener of heard) listener(data)
      })
    }
    mine.addEventListener('error', () => {
      if (source !== mine) return
      patch({ link: 'broken', brokenAt: live.get().brokenAt || Date.now() })
      if (mine.readyState !== closed) return
      timer = setTimeout(begin, Math.min(15_000, 1_000 * 2 ** failures++))
    })
  }

  function look() {
    if (document.visibilityState === 'hidden') {
      end()
      patch({ link: 'paused' })
    } else if (!source) {
      begin()
    }
  }

  document.addEventListener('visibilitychange', look)
  again = begin
  look()
  stop = () => {
    document.removeEventListener('visibilitychange', look)
    end()
    again = () => {}
    live.set(nothing)
  }
  return stop
}
