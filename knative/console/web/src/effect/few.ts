import { Trouble } from '../trouble'

/** Runs things in the order that they come, at most so many at once. What was given up before its turn never begins. */
export function few(most: number) {
  let running = 0
  const waiting: (() => void)[] = []
  return async function inTurn<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    if (running < most) running++
    else await new Promise<void>((go) => waiting.push(go)) // until one that ends hands over its place
    try {
      if (signal.aborted) throw new Trouble('stopped', 'stopped')
      return await run()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}
