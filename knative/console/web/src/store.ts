import { useSyncExternalStore } from 'react'
import { attempt } from './attempt'
import { isObject } from './isObject'

/** A value that components watch. A change is a new value; the old one is not touched. */
export interface Store<T> {
  get(): T
  set(next: T | ((now: T) => T)): void
  subscribe(listener: () => void): () => void
}

export function createStore<T extends object>(initial: T): Store<T> {
  let now = initial
  const listeners = new Set<() => void>()
  return {
    get: () => now,
    set(next) {
      const value = typeof next === 'function' ? next(now) : next
      if (Object.is(value, now)) return
      now = value
      for (const listener of listeners) listener()
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** A store that this tab's session keeps, so that a reload loses nothing. What `keep` leaves out, or has no room there, lives as long as the page. */
export function createKeptStore<T>(name: string, keep: (value: Record<string, T>) => Record<string, T> = (value) => value): Store<Record<string, T>> {
  const store = createStore(keptIn<T>(name))
  store.subscribe(() => attempt(() => sessionStorage.setItem(name, JSON.stringify(keep(store.get())))))
  return store
}

/** What the session keeps under a name; entries that are no objects are none of ours. */
export function keptIn<T>(name: string): Record<string, T> {
  const value: unknown = attempt(() => JSON.parse(sessionStorage.getItem(name) ?? '{}') as unknown)
  return isObject(value) ? (Object.fromEntries(Object.entries(value).filter(([, entry]) => isObject(entry))) as Record<string, T>) : {}
}

/** Watches what `pick` takes of a store; it must give the same part for the same value. */
export function useStore<T, P>(store: Store<T>, pick: (value: T) => P): P {
  return useSyncExternalStore(store.subscribe, () => pick(store.get()))
}
