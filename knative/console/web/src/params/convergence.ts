import type { Replica, ReplicasEvent } from '../contract'
import { live } from '../live/live'
import { pinnedOf } from '../live/replicas'
import { createStore, useStore } from '../store'

/** How the replicas of a model follow to a version, from the click on. */
export interface Convergence {
  version: number
  /** When it was asked for, by performance.now(). */
  began: number
  /** After how many milliseconds each replica was seen to serve it. */
  seen: Record<string, number>
  replicas: Replica[]
  /** When all were there, in milliseconds; undefined as long as one is missing. */
  took: number | undefined
  /** The version that came after it, and ended this; 0 for none. */
  overtaken: number
}

/** A convergence as the next word about the replicas makes it. What is over does not change any more. */
export function follow(now: Convergence, { version, replicas }: ReplicasEvent, at: number, pinned: ReadonlySet<string>): Convergence {
  if (now.took !== undefined || now.overtaken > 0) return now
  const following = replicas.filter((r) => r.state !== 'draining' && !pinned.has(r.revision))
  const seen = { ...now.seen }
  for (const { name, state, version } of following) {
    if (state === 'serving' && version === now.version) seen[name] ??= at - now.began
  }
  const all = following.length > 0 && following.every((r) => r.name in seen)
  const took = all ? Math.max(...following.map((r) => seen[r.name]!)) : undefined
  return { ...now, seen, replicas: following, took, overtaken: version > now.version && !all ? version : 0 }
}

const store = createStore<Record<string, Convergence | undefined>>({})

/** Watches the replicas from now on; `began` is when the person asked, by performance.now(). */
export function watchConvergence(model: string, version: number, began: number) {
  put(model, { version, began, seen: {}, replicas: [], took: undefined, overtaken: 0 })
  look(model)
}

export function dropConvergence(model: string) {
  put(model, undefined)
}

export function useConvergence(model: string): Convergence | undefined {
  return useStore(store, (all) => all[model])
}

function put(model: string, convergence: Convergence | undefined) {
  store.set((all) => ({ ...all, [model]: convergence }))
}

function look(model: string) {
  const now = store.get()[model]
  const { replicas, list } = live.get()
  const event = replicas[model]
  if (!now || !event) return
  const next = follow(now, event, performance.now(), pinnedOf(list?.models.find((m) => m.name === model)))
  if (next !== now) put(model, next)
}

let last = live.get().replicas
live.subscribe(() => {
  const { replicas } = live.get()
  for (const model of Object.keys(replicas)) if (replicas[model] !== last[model]) look(model)
  last = replicas
})
