import { useEffect, useRef, useState } from 'react'

/** The value, changing at most once in `pace` milliseconds: at once after a pause, and always to the last one in the end. */
export function usePaced<T>(value: T, pace: number): T {
  const [paced, setPaced] = useState(value)
  const last = useRef(0)
  useEffect(() => {
    const timer = setTimeout(
      () => {
        last.current = Date.now()
        setPaced(value)
      },
      Math.max(0, last.current + pace - Date.now()),
    )
    return () => clearTimeout(timer)
  }, [value, pace])
  return paced
}
