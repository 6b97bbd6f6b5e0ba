import { useEffect, useState } from 'react'

/** The time in milliseconds, told anew every `each` milliseconds: for what says how long ago something was. */
export function useNow(each = 10_000): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), each)
    return () => clearInterval(timer)
  }, [each])
  return now
}
