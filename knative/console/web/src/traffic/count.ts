/** What came of predictions that were counted. */
export interface Count {
  asked: number
  answered: number
  failed: number
  /** Answers by revision. */
  by: Record<string, number>
}

/** Asks `total` times, `atOnce` at a time, and counts who answered. Stops when the signal says so. */
export async function count(total: number, atOnce: number, ask: (signal: AbortSignal) => Promise<string>, signal: AbortSignal, tell: (count: Count) => void): Promise<Count> {
  let now: Count = { asked: total, answered: 0, failed: 0, by: {} }
  let begun = 0
  async function worker() {
    while (begun < total && !signal.aborted) {
      begun++
      const revision = await ask(signal).catch(() => undefined)
      if (signal.aborted) return
      now =
        revision === undefined
          ? { ...now, failed: now.failed + 1 }
          : { ...now, answered: now.answered + 1, by: { ...now.by, [revision]: (now.by[revision] ?? 0) + 1 } }
      tell(now)
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, total) }, worker))
  return now
}

/** How far a share that was counted may lie from the one asked for, in percent: three times the standard deviation. */
export function tolerance(percent: number, answered: number): number {
  const p = percent / 100
  return answered > 0 ? 300 * Math.sqrt((p * (1 - p)) / answered) : 100
}
