import type { Tagged } from '../api'
import type { Document, Requires } from '../contract'
import { isObject } from '../isObject'
import type { Trouble } from '../trouble'
import { type Choice, choices, merge, type Side } from './merge'

/** What a write would make of a model: its params, and the components that they require. */
export interface Content {
  params: unknown
  requires: Requires
}

export function contentOf(document: Document): Content {
  return { params: document.params, requires: document.requires ?? {} }
}

/** The document that a conflict came with, and its tag. */
export function laterOf({ body, etag, kind }: Trouble): Tagged | undefined {
  return kind === 'conflict' && etag && isObject(body) && typeof body.version === 'number' ? { document: body as unknown as Document, etag } : undefined
}

/** Where mine and theirs differ, both having begun at the same document. A pin is one place: its version and digest go together. */
export function conflictOf(base: Document, mine: Content, theirs: Document): Choice[] {
  return [
    ...choices(base.params, mine.params, theirs.params),
    ...choices(whole(base.requires), whole(mine.requires), whole(theirs.requires), 'requires').map((c) => ({ ...c, base: versionIn(c.base), mine: versionIn(c.mine), theirs: versionIn(c.theirs) })),
  ]
}

/** Their document, with mine where that was chosen. */
export function resolved(mine: Content, theirs: Document, sides: Readonly<Record<string, Side>>): Content {
  const pins = merge(whole(mine.requires), whole(theirs.requires), sides, 'requires') as Record<string, string>
  return {
    params: merge(mine.params, theirs.params, sides),
    requires: Object.fromEntries(Object.entries(pins).map(([name, pin]) => [name, JSON.parse(pin) as Requires[string]])),
  }
}

function whole(requires: Requires | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(requires ?? {}).map(([name, { version, digest }]) => [name, JSON.stringify({ version, digest })]))
}

function versionIn(pin: unknown): number | undefined {
  return typeof pin === 'string' ? (JSON.parse(pin) as { version: number }).version : undefined
}
