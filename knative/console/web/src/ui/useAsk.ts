import { useCallback, useEffect, useRef, useState } from 'react'
import { type Trouble, troubleOf } from '../trouble'

/** How long a person waits before being told that it takes longer, in milliseconds. */
const slowAfter = 1_500

export interface Asked<T> {
  data: T | undefined
  trouble: Trouble | undefined
  waiting: boolean
  /** It has been waiting for long. */
  slow: boolean
  /** The data are those of an earlier key, kept until the new ones are there. */
  stale: boolean
  retry(): void
}

interface Answer<T> {
  key: string
  turn: number
  data?: T
  trouble?: Trouble
}

/**
 * Asks when the key changes, and again on retry; '' asks nothing. What was asked before is stopped, and never answers late.
 * After a retry the former data stay until there are new ones; with `keep` also after another key.
 */
export function useAsk<T>(key: string, ask: (signal: AbortSignal) => Promise<T>, keep = false): Asked<T> {
  const [turn, setTurn] = useState(0)
  const [answer, setAnswer] = useState<Answer<T>>({ key: '', turn: 0 })
  const [slow, setSlow] = useState({ key: '', turn: 0 })
  const latest = useRef(ask)
  useEffect(() => {
    latest.current = ask
  })
  useEffect(() => {
    if (key === '') return
    const control = new AbortController()
    const timer = setTimeout(() => setSlow({ key, turn }), slowAfter)
    const settle = (part: { data: T } | { trouble: Trouble }) => {
      clearTimeout(timer)
      if (!control.signal.aborted) setAnswer((a) => ({ ...(a.key === key || keep ? a : undefined), trouble: undefined, ...part, key, turn }))
    }
    latest.current(control.signal).then(
      (data) => settle({ data }),
      (error: unknown) => settle({ trouble: troubleOf(error) }),
    )
    return () => {
      clearTimeout(timer)
      control.abort()
    }
  }, [key, turn, keep])
  const retry = useCallback(() => setTurn((t) => t + 1), [])
  const mine = answer.key === key
  const waiting = key !== '' && !(mine && answer.turn === turn)
  return {
    data: mine || keep ? answer.data : undefined,
    trouble: mine && !waiting ? answer.trouble : undefined,
    waiting,
    slow: waiting && slow.key === key && slow.turn === turn,
    stale: !mine && answer.data !== undefined,
    retry,
  }
}
