import { useEffect, useId, useRef } from 'react'
import type { Document } from '../contract'
import { useFormat } from '../i18n/format'
import { useWords } from '../i18n/language'
import { Button } from '../ui/Button'
import style from '../ui/Conflict.module.css'
import { type Change, diffVersions } from './diff'
import { DiffTable } from './DiffTable'
import { paramsWords } from './words'

interface Props {
  /** What was current when the person decided. */
  seen: Document
  theirs: Document
  /** What is to become current. */
  wanted: Document
  busy: boolean
  onStill: () => void
  onLeave: () => void
}

/** Somebody wrote a version before another one was promoted, or rolled back to: what they changed, and what would become of it. */
export function CopyConflict({ seen, theirs, wanted, busy, onStill, onLeave }: Props) {
  const w = useWords(paramsWords)
  const { ago } = useFormat()
  const title = useRef<HTMLHeadingElement>(null)
  const id = useId()
  useEffect(() => title.current?.focus(), [])
  const { version, author = w.nobody, created = '', message } = theirs
  return (
    <section className={style.box} aria-labelledby={id}>
      <h4 id={id} ref={title} tabIndex={-1} className={style.title}>
        {w.conflict}
      </h4>
      <p>
        {w.conflictLead(version, author, ago(created))} {message && <q>{message}</q>} {w.copyLead}
      </p>
      <Changes label={w.theyChanged(version, seen.version)} changes={diffVersions(seen, theirs)} />
      <Changes label={w.wouldChange(wanted.version, version)} changes={diffVersions(theirs, wanted)} />
      <div className={style.actions}>
        <Button look="primary" busy={busy} onClick={onStill}>
          {(wanted.held ? w.promoteStill : w.rollbackStill)(wanted.version)}
        </Button>
        <Button disabled={busy} onClick={onLeave}>
          {w.leave(version)}
        </Button>
      </div>
    </section>
  )
}

function Changes({ label, changes }: { label: string; changes: Change[] }) {
  const w = useWords(paramsWords)
  return (
    <div>
      <p aria-hidden={changes.length > 0 || undefined}>{label}</p>
      {changes.length > 0 ? <DiffTable changes={changes} label={label} /> : <p className={style.base}>{w.noDifference}</p>}
    </div>
  )
}
