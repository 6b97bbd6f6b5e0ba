import { Trouble } from '../trouble'

/** Who is busy for longer than this is asked again by a person, in seconds. */
const longest = 5

/** Asks, and once more where the answer was that there is no time now: when there is again, as it says. */
export async function onceMore<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (!(error instanceof Trouble) || error.kind !== 'busy' || !error.retryAfter || error.retryAfter > longest) throw error
    await new Promise((go) => setTimeout(go, error.retryAfter! * 1_000))
    return ask()
  }
}
