import type { Stats } from '../contract'
import { span } from './live'

/** How one model's predictions went in the last minute; each series has a number for each second, the oldest first. */
export interface Figures {
  requests: number[]
  errors: number[]
  /** Milliseconds; null where there was nothing to measure. */
  p50: (number | null)[]
  p99: (number | null)[]
  /** Requests a second, over the last five. */
  rate: number
  /** Errors in the whole minute. */
  failed: number
  latest: { p50: number | null; p99: number | null }
}

/** Takes one model's figures out of the seconds that the gateway told; those it left out were quiet. */
export function figuresOf(seconds: Stats[], model: string): Figures {
  const end = seconds.at(-1)?.at ?? 0
  const blank = () => Array.from({ length: span }, () => 0)
  const none = () => Array.from({ length: span }, (): number | null => null)
  const f = { requests: blank(), errors: blank(), p50: none(), p99: none() }
  for (const { at, models } of seconds) {
    const stats = models[model]
    const i = span - 1 - (end - at)
    if (!stats || i < 0) continue
    f.requests[i] = stats.requests
    f.errors[i] = stats.errors
    f.p50[i] = stats.p50
    f.p99[i] = stats.p99
  }
  const sum = (values: number[]) => values.reduce((a, b) => a + b, 0)
  return { ...f, rate: sum(f.requests.slice(-5)) / 5, failed: sum(f.errors), latest: { p50: f.p50.at(-1) ?? null, p99: f.p99.at(-1) ?? null } }
}
