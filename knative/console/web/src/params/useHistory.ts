import { useCallback, useEffect, useRef, useState } from 'react'
import { versionsOf } from '../api'
import type { Document } from '../contract'
import { type Trouble, troubleOf } from '../trouble'

/** Versions in one request. Version v is on page ⌊(v−1) / pageSize⌋, for they have no holes; a full page never changes. */
export const pageSize = 50

export const pageOf = (version: number) => Math.floor((version - 1) / pageSize)

export interface History {
  get(version: number): Document | undefined
  /** Sees to it that these versions are there, or will be. */
  want(from: number, to: number): void
  trouble: Trouble | undefined
  retry(): void
}

/** The versions of a model up to the newest, loaded a page at a time as they are looked at. */
export function useHistory(model: string, newest: number): History {
  const [known, setKnown] = useState<ReadonlyMap<number, Document>>(new Map())
  const [trouble, setTrouble] = useState<Trouble>()
  const asking = useRef(new Map<number, AbortController>())
  const latest = useRef({ known, newest, wanted: [1, 0] as [number, number] })
  useEffect(() => {
    latest.current.known = known
    latest.current.newest = newest
  })
  useEffect(() => {
    const all = asking.current
    return () => {
      for (const control of all.values()) control.abort()
      all.clear()
    }
  }, [])

  const load = useCallback(
    async (page: number) => {
      const control = new AbortController()
      asking.current.set(page, control)
      try {
        const { versions } = await versionsOf(model, { before: (page + 1) * pageSize + 1, limit: pageSize }, control.signal)
        setKnown((now) => new Map([...now, ...versions.map((d) => [d.version, d] as const)]))
        setTrouble(undefined)
      } catch (error) {
        if (!control.signal.aborted) setTrouble(troubleOf(error))
      } finally {
        if (asking.current.get(page) === control) asking.current.delete(page)
      }
    },
    [model],
  )

  const want = useCallback(
    (from: number, to: number) => {
      latest.current.wanted = [from, to]
      const { known, newest } = latest.current
      for (let page = pageOf(Math.max(1, from)); page <= pageOf(Math.min(to, newest)); page++) {
        const whole = Array.from({ length: pageSize }, (_, i) => page * pageSize + i + 1).filter((v) => v >= from && v <= to && v <= newest)
        if (whole.some((v) => !known.has(v)) && !asking.current.has(page)) void load(page)
      }
    },
    [load],
  )

  return { get: (version) => known.get(version), want, trouble, retry: () => want(...latest.current.wanted) }
}
