import { attempt } from '../attempt'
import type { Document, Requires } from '../contract'
import { isObject } from '../isObject'
import { randomId } from '../randomId'
import { createStore, useStore } from '../store'
import type { Typed } from './typed'

/**
 * What a person typed and did not save, by model. It stands in this tab's storage and in the browser's, so that neither a
 * walk to another place, nor a reload, nor a closed tab loses it.
 */
export interface Draft {
  /** What it changes, and the tag that a write of it expects. */
  base: Document
  etag: string
  typed: Typed
  requires: Requires
  message: string
  /** Names the request that would write it, so that one whose answer was lost is not made twice. */
  writeId: string
}

const prefix = 'modelfn.draft.'

const store = createStore<Record<string, Draft | undefined>>({})

export function draftOf(model: string): Draft | undefined {
  const now = store.get()
  return model in now ? now[model] : recalled(model)
}

export function useDraft(model: string): Draft | undefined {
  return useStore(store, (drafts) => (model in drafts ? drafts[model] : recalled(model)))
}

/** Keeps a draft; a change of what it would write gives it a new name. */
export function keepDraft(model: string, draft: Omit<Draft, 'writeId'>): Draft {
  const whole = { ...draft, writeId: randomId() }
  store.set((drafts) => ({ ...drafts, [model]: whole }))
  const text = JSON.stringify(whole)
  for (const storage of storages()) attempt(() => storage.setItem(prefix + model, text))
  return whole
}

/** Drops a draft; what another tab keeps in the browser's storage stays. */
export function dropDraft(model: string) {
  const mine = draftOf(model)?.writeId
  store.set((drafts) => ({ ...drafts, [model]: undefined }))
  for (const storage of storages()) {
    attempt(() => {
      const theirs = parsed(storage.getItem(prefix + model))?.writeId
      if (!theirs || theirs === mine) storage.removeItem(prefix + model)
    })
  }
}

/** Forgets what is in memory, as a reload does. */
export function reloadDrafts() {
  memory.clear()
  store.set({})
}

/** Drafts that were read from storage: a store must give the same value for the same state. */
const memory = new Map<string, { text: string | null; draft: Draft | undefined }>()

function recalled(model: string): Draft | undefined {
  const text = storages().reduce<string | null>((found, storage) => found ?? attempt(() => storage.getItem(prefix + model)) ?? null, null)
  const known = memory.get(model)
  if (known && known.text === text) return known.draft
  const draft = parsed(text)
  memory.set(model, { text, draft })
  return draft
}

function parsed(text: string | null): Draft | undefined {
  const value: unknown = text === null ? undefined : attempt(() => JSON.parse(text) as unknown)
  if (!isObject(value) || !isObject(value.base) || typeof value.etag !== 'string' || typeof value.writeId !== 'string') return undefined
  return value as unknown as Draft
}

/** This tab's own first: another tab may have typed something else. Without any, the draft lives as long as the page. */
function storages(): Storage[] {
  return [() => sessionStorage, () => localStorage].flatMap((of) => attempt(of) ?? [])
}
