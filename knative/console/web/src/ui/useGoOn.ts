import { type RefObject, useCallback, useEffect, useRef, useState } from 'react'

/** Nobody has the focus: what had it is gone, or takes nothing now. */
export function focusIsLost(): boolean {
  const { activeElement } = document
  return activeElement === null || activeElement === document.body || activeElement.matches(':disabled')
}

/**
 * A place where the focus goes on, and the way to it: called with a change that takes away what has the focus, which else
 * would be left to nobody. Whoever is somewhere else by then stays there. The page stays where it is, unless it `scrolls` to
 * what just came.
 */
export function useGoOn<T extends HTMLElement>({ scrolls = false } = {}): [RefObject<T | null>, () => void] {
  const place = useRef<T>(null)
  const [times, setTimes] = useState(0)
  useEffect(() => {
    if (times > 0 && focusIsLost()) place.current?.focus({ preventScroll: !scrolls })
  }, [times, scrolls])
  return [place, useCallback(() => setTimes((n) => n + 1), [])]
}
