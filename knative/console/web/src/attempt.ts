/** Storage may be full or forbidden, and even to name it throws then: the page goes on without it. */
export function attempt<T>(what: () => T): T | undefined {
  try {
    return what()
  } catch {
    return undefined
  }
}
