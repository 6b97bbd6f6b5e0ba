import { useCallback, useEffect, useRef, useState } from 'react'
import { versionsOf } from '../api'
import type { Document } from '../contract'
import { type Trouble, troubleOf } from '../trouble'

/** Versions in one request. Version v is on page ⌊(v−1) / pageSize⌋, for they have no holes. */
export const pageSize = 50

export const pageOf = (version: number) => Math.floor((version - 1) / pageSize)

export interface History {
  get(version: number): Document | undefined
  /** Sees to it that these versions, which exist, are there or will be. */
  want(from: number, to: number): void
  trouble: Trouble | undefined
  retry(): void
}

/** The versions of a model, loaded a page at a time as they are looked at. */
export function useHistory(model: string): History {
  const [known, setKnown] = useState<ReadonlyMap<number, Document>>(new Map())
  const [trouble, setTrouble] = useState<Trouble>()
  const have = useRef(known)
  const missing = useRef(new Set<number>())
  const asking = useRef(new Map<number, AbortController>())

  const load = useCallback(
    async (page: number) => {
      const control = new AbortController()
      asking.current.set(page, control)
      try {
        const { versions } = await versionsOf(model, { before: (page + 1) * pageSize + 1, limit: pageSize }, control.signal)
        asking.current.delete(page)
        setTrouble(undefined)
        if (versions.some((d) => !have.current.has(d.version))) setKnown((now) => new Map([...now, ...versions.map((d) => [d.version, d] as const)]))
      } catch (error) {
        if (control.signal.aborted) return
        asking.current.delete(page)
        setTrouble(troubleOf(error))
      }
    },
    [model],
  )

  const loadMissing = useCallback(() => {
    const pages = new Set([...missing.current].map(pageOf))
    for (const page of pages) if (!asking.current.has(page)) void load(page)
  }, [load])

  const want = useCallback(
    (from: number, to: number) => {
      for (let version = from; version <= to; version++) if (!have.current.has(version)) missing.current.add(version)
      loadMissing()
    },
    [loadMissing],
  )

  // A version that appeared after its page had been asked for is still missing then.
  useEffect(() => {
    have.current = known
    for (const version of known.keys()) missing.current.delete(version)
    loadMissing()
  }, [known, loadMissing])

  useEffect(() => {
    const all = asking.current
    return () => {
      for (const control of all.values()) control.abort()
      all.clear()
    }
  }, [])

  return { get: (version) => known.get(version), want, trouble, retry: loadMissing }
}
