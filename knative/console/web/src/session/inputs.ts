import { attempt } from '../attempt'
import { createKeptStore, keptIn } from '../store'

/**
 * What a person typed into the form, and which input is swept. It belongs to the signature, not to the model, and stays for this
 * tab's session, over a reload too, until one signs out: one looks at the same patient in every model and every tab.
 */
export interface Input {
  texts: string[]
  sweep: number
  output: number
  /** The table for many. It is kept over a reload if it is not longer than `longestKept`. */
  table: string
  /** The table that a file took the place of. It lives as long as the page. */
  former?: string
}

const kept = 'modelfn.input'

/** The longest table that is kept over a reload, in characters: some thousand rows. The session's room is for all that is typed. */
export const longestKept = 200_000

export const inputs = createKeptStore<Input>(kept, (all) => Object.fromEntries(Object.entries(all).map(([key, input]) => [key, { ...input, former: undefined, ...(input.table?.length > longestKept && { table: '' }) }])))

/** Forgets what is in memory, as a reload does. */
export function reloadInputs() {
  inputs.set(keptIn(kept))
}

/** Forgets all of it: it may be of patients, and the next person is another. */
export function forgetInputs() {
  inputs.set({})
  attempt(() => sessionStorage.removeItem(kept))
}
