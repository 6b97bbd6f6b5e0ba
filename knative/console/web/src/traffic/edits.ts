import type { Revision, Share } from '../contract'
import { createStore, useStore } from '../store'
import { type Row, rowsOf } from './split'

/** What a person is about to make of a model's traffic, and the split that was before the last change from here. */
export interface Edits {
  rows?: Record<string, Pick<Row, 'percent' | 'tags'>>
  /** The split that was there when the first row was changed. */
  split?: string
  former?: Share[]
}

const kept = 'modelfn.traffic'

const store = createStore<Record<string, Edits>>(read())
store.subscribe(() => {
  try {
    sessionStorage.setItem(kept, JSON.stringify(store.get()))
  } catch {
    // Then it lives as long as the page.
  }
})

function read(): Record<string, Edits> {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(kept) ?? '{}')
    return typeof value === 'object' && value !== null ? (value as Record<string, Edits>) : {}
  } catch {
    return {}
  }
}

const nothing: Edits = {}

export function useEdits(model: string): Edits {
  return useStore(store, (all) => all[model] ?? nothing)
}

function patch(model: string, part: Edits) {
  store.set((all) => ({ ...all, [model]: { ...all[model], ...part } }))
}

/** Keeps rows as they were typed, and on which split. */
export function keepRows(model: string, rows: Row[], split: string) {
  const { split: first } = store.get()[model] ?? nothing
  patch(model, { rows: Object.fromEntries(rows.map(({ revision, percent, tags }) => [revision, { percent, tags }])), split: first ?? split })
}

export function dropRows(model: string) {
  patch(model, { rows: undefined, split: undefined })
}

/** Ends the rows that were sent. Rows that were typed beside or since stay: they are a change of the split that came of it. */
export function settleRows(model: string, sent: Edits['rows'], split: string) {
  const { rows } = store.get()[model] ?? nothing
  if (rows === sent) dropRows(model)
  else if (rows) patch(model, { split })
}

export function keepFormer(model: string, former: Share[] | undefined) {
  patch(model, { former })
}

/** The rows of all revisions: as typed where something was typed, else as they are. */
export function rowsWith(revisions: Revision[], { rows = {} }: Edits): Row[] {
  return rowsOf(revisions).map((row) => ({ ...row, ...rows[row.revision] }))
}
