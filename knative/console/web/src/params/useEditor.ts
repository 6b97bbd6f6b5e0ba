import { useEffect, useMemo, useRef, useState } from 'react'
import { putParams, type Tagged } from '../api'
import type { Document, ModelInfo, Requires } from '../contract'
import { useWords } from '../i18n/language'
import { type Trouble, troubleOf } from '../trouble'
import { say } from '../ui/toast'
import { type Content, contentOf, laterOf } from './conflict'
import { watchConvergence } from './convergence'
import { diff, same } from './diff'
import { type Draft, draftOf, dropDraft, keepDraft, useDraft } from './drafts'
import { placesOf, type Places } from './places'
import { problemsIn, problemsOf, settled } from './problems'
import { type Shape, shapeOf } from './shape'
import { type Problems, readTyped, type Typed, typedOf } from './typed'
import type { Known } from './useParams'
import { paramsWords } from './words'

export interface Editor {
  base: Document
  shape: Shape
  typed: Typed
  requires: Requires
  message: string
  places: Places
  /** What is wrong: with what was typed, and what the server said of it. */
  problems: Problems
  /** What the server said that belongs to no field. */
  rest: string
  /** What was typed can be read; the server may still refuse it. */
  readable: boolean
  dirty: boolean
  changes: number
  content: Content
  /** Somebody wrote a version after the one that is changed here. */
  behind: Tagged | undefined
  busy: 'save' | 'hold' | undefined
  trouble: Trouble | undefined
  former(path: string): string | undefined
  type(typed: Typed): void
  require(requires: Requires): void
  say(message: string): void
  discard(): void
  /** Puts content upon another document, as after a conflict. */
  rebase(upon: Tagged, content: Content): void
  /** Whether it was written; if not, everything stays as it was typed. */
  save(hold: boolean): Promise<Tagged | undefined>
}

/** What a person makes of the params of a model: read, checked, kept, and written. `onEdit` is called with each change of what would be written. */
export function useEditor(model: ModelInfo, known: Known, previewTrouble: Trouble | undefined, learn: (written: Tagged) => void, onEdit: () => void): Editor {
  const w = useWords(paramsWords)
  const draft = useDraft(model.name)
  const [busy, setBusy] = useState<'save' | 'hold'>()
  const [failed, setFailed] = useState<{ writeId: string; trouble: Trouble }>()
  const [later, setLater] = useState<Tagged>()

  const base = draft?.base ?? known.document
  const etag = draft?.etag ?? known.etag
  const message = draft?.message ?? ''
  const requires = draft?.requires ?? base.requires ?? none
  const shape = useMemo(() => shapeOf(known.schema, base.params), [known.schema, base.params])
  const typed = useMemo(() => draft?.typed ?? typedOf(shape, base.params), [draft?.typed, shape, base.params])
  const read = useMemo(() => readTyped(shape, typed), [shape, typed])
  const readable = Object.keys(read.problems).length === 0
  const places = useMemo(() => placesOf(shape, typed), [shape, typed])
  const content = useMemo(() => ({ params: read.value, requires }), [read.value, requires])
  const changed = useMemo(() => diff(base.params, read.value, 'params'), [base.params, read.value])
  const changes = changed.length + Object.keys(requires).filter((name) => requires[name]!.version !== base.requires?.[name]?.version).length
  const dirty = !readable || changes > 0

  const refusal = failed && failed.writeId === draft?.writeId ? failed.trouble : undefined
  const said = { ...problemsOf(dirty ? previewTrouble : undefined), ...problemsOf(refusal) }
  const placed = settled(said, places.fields)
  const lost = Object.entries(placed).filter(([path]) => !places.fields.has(path))
  const rest = [...lost.map(([path, wrong]) => `${path}: ${'said' in wrong ? wrong.said : ''}`), refusal?.kind === 'refused' ? problemsIn(refusal.message).rest : ''].filter(Boolean).join('; ')

  const newer = later && later.document.version > known.document.version ? later : known
  // The stream may tell of what is just being written here before its answer is there.
  const behind = !busy && draft && newer.document.version > base.version && newer.etag !== '' ? newer : undefined

  function keep(next: Omit<Draft, 'writeId'>) {
    const { value, problems } = readTyped(shape, next.typed)
    const nothing = Object.keys(problems).length === 0 && same(value, next.base.params) && same(next.requires, next.base.requires ?? none) && next.message === ''
    // While a write is under way, what is as before is a change of what is being written.
    if (nothing && !busy) dropDraft(model.name)
    else keepDraft(model.name, next)
  }

  const edit = (part: Partial<Draft>) => keep({ base, etag, typed, requires, message, ...part })

  /** Ends what was sent. What was typed since then is a change of what was written; a held version changes nothing for it. */
  function settle(sent: Draft, written: Tagged, hold: boolean) {
    const now = draftOf(model.name)
    if (!now) return
    if (now.writeId === sent.writeId) dropDraft(model.name)
    else if (!hold) keep({ ...now, base: written.document, etag: written.etag, message: now.message === sent.message ? '' : now.message })
  }

  async function save(hold: boolean): Promise<Tagged | undefined> {
    const began = performance.now()
    // A newer schema may ask for more than there is: then there is something to write before anything was typed.
    const sent = draft ?? keepDraft(model.name, { base, etag, typed, requires, message })
    setBusy(hold ? 'hold' : 'save')
    try {
      const change = { params: read.value, ...(Object.keys(requires).length > 0 && { requires }), ...(message && { message }) }
      const written = await putParams(model.name, change, { ifMatch: etag, idempotencyKey: `${sent.writeId}${hold ? '-held' : ''}`, hold })
      settle(sent, written, hold)
      setFailed(undefined)
      if (!hold) {
        learn(written)
        watchConvergence(model.name, written.document.version, began)
      }
      say('good', (hold ? w.savedHeld : w.saved)(written.document.version))
      return written
    } catch (error) {
      const trouble = troubleOf(error)
      const theirs = laterOf(trouble)
      if (theirs) setLater(theirs)
      setFailed({ writeId: draftOf(model.name)?.writeId ?? '', trouble })
      say('bad', w.failed)
      return undefined
    } finally {
      setBusy(undefined)
    }
  }

  return {
    base,
    shape,
    typed,
    requires,
    message,
    places,
    problems: { ...placed, ...read.problems },
    rest,
    readable,
    dirty,
    changes,
    content,
    behind,
    busy,
    trouble: refusal && (refusal.kind !== 'refused' || (rest === '' && Object.keys(placed).length === 0)) ? refusal : undefined,
    former: (path) => formerly(base.params, changed.find((c) => c.path === path)),
    type(next) {
      edit({ typed: next })
      onEdit()
    },
    require(next) {
      edit({ requires: next })
      onEdit()
    },
    say: (text) => edit({ message: text }),
    discard: () => dropDraft(model.name),
    rebase(upon, { params, requires }) {
      const next = shapeOf(known.schema, upon.document.params)
      const theirs = contentOf(upon.document)
      if (same(params, theirs.params) && same(requires, theirs.requires)) dropDraft(model.name)
      else keepDraft(model.name, { base: upon.document, etag: upon.etag, typed: typedOf(next, params), requires, message })
      learn(upon)
    },
    save,
  }
}

const none: Requires = {}

function formerly(params: unknown, change: { before: unknown } | undefined): string | undefined {
  if (!change || params === undefined || change.before === undefined) return undefined
  return typeof change.before === 'string' ? change.before : JSON.stringify(change.before)
}

/** Moves the focus to the first field that is wrong, once the page shows it. */
export function useFirstWrong() {
  const ref = useRef<HTMLFormElement>(null)
  const [asked, setAsked] = useState(0)
  useEffect(() => {
    if (asked > 0) ref.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
  }, [asked])
  return { ref, focusFirst: () => setAsked((n) => n + 1) }
}
