import type { ParamsEvent } from '../contract'

/** What an event of params was. */
export type What = { kind: 'first' | 'new' | 'held'; version: number } | { kind: 'copy' | 'promoted'; version: number; of: number }

/** What each event was, by the others in the log: a version with the digest of an older one is that one again, or is the first use of it if that was held. */
export function whatOf(log: ParamsEvent[]): Map<ParamsEvent, What> {
  const what = new Map<ParamsEvent, What>()
  const oldestWith = new Map<string, { version: number; used: boolean }>()
  for (const event of log.toSorted((a, b) => a.version - b.version)) {
    const { model, version, digest, held } = event
    const key = `${model} ${digest}`
    const oldest = oldestWith.get(key)
    if (held) what.set(event, { kind: 'held', version })
    else if (oldest && oldest.version < version) what.set(event, { kind: oldest.used ? 'copy' : 'promoted', version, of: oldest.version })
    else what.set(event, { kind: version === 1 ? 'first' : 'new', version })
    oldestWith.set(key, { version: oldest?.version ?? version, used: !held || (oldest?.used ?? false) })
  }
  return what
}

/** Whether an event has all the words that are looked for, somewhere. */
export function matches({ model, author = '', message = '', version }: ParamsEvent, search: string): boolean {
  const text = `${model} ${author} ${message} v${version}`.toLowerCase()
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word))
}
