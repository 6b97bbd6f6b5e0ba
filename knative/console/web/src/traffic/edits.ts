import type { Revision, Share, TrafficSet } from '../contract'
import { createKeptStore, useStore } from '../store'
import { type Row, rowsOf } from './split'

/** What a person is about to make of a model's traffic, and the split that was before the last change from here. */
type Typed = Record<string, Pick<Row, 'percent' | 'tags'>>

export interface Edits {
  rows?: Typed
  /** The split that was there when the first row was changed: its name, and its rows. */
  split?: string
  began?: Typed
  former?: Share[]
}

const store = createKeptStore<Edits>('modelfn.traffic')

const nothing: Edits = {}

export function useEdits(model: string): Edits {
  return useStore(store, (all) => all[model] ?? nothing)
}

function patch(model: string, part: Edits) {
  store.set((all) => ({ ...all, [model]: { ...all[model], ...part } }))
}

/** A split as it stands. */
export interface Standing {
  split: string
  revisions: Revision[]
  /** Who set it, if that is known. */
  trafficSet?: TrafficSet
}

/** Keeps rows as they were typed, and the split on which that began. Rows that are all as they stand are nothing to keep. */
export function keepRows(model: string, rows: Row[], upon: Standing, sending: boolean) {
  const standing = rowsOf(upon.revisions)
  const nothing = rows.every((row, i) => row.percent === standing[i]?.percent && row.tags === standing[i]?.tags)
  // While a change is under way, what is as before is a change of what is being sent.
  if (nothing && !sending) return dropRows(model)
  if (!store.get()[model]?.rows) rebaseRows(model, upon)
  patch(model, { rows: typedOf(rows) })
}

/** Makes what was typed a change of another split. */
export function rebaseRows(model: string, { split, revisions }: Standing) {
  patch(model, { split, began: typedOf(rowsOf(revisions)) })
}

function typedOf(rows: Row[]): Typed {
  return Object.fromEntries(rows.map(({ revision, percent, tags }) => [revision, { percent, tags }]))
}

export function dropRows(model: string) {
  patch(model, { rows: undefined, split: undefined, began: undefined })
}

/** Ends the rows that were sent. Rows that were typed beside or since stay: they are a change of the split that came of it. */
export function settleRows(model: string, sent: Edits['rows'], upon: Standing) {
  const { rows } = store.get()[model] ?? nothing
  if (rows === sent) dropRows(model)
  else if (rows) rebaseRows(model, upon)
}

export function keepFormer(model: string, former: Share[] | undefined) {
  patch(model, { former })
}

/** The rows of all revisions: as typed where something was typed, else as they are. */
export function rowsWith(revisions: Revision[], { rows = {} }: Edits): Row[] {
  return rowsOf(revisions).map((row) => ({ ...row, ...rows[row.revision] }))
}
