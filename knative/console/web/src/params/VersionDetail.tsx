import { type RefObject, useEffect, useState } from 'react'
import { copyParams, type Tagged } from '../api'
import type { Document, ModelInfo } from '../contract'
import { useFormat } from '../i18n/format'
import { useWords } from '../i18n/language'
import { useModelName } from '../i18n/names'
import { randomId } from '../randomId'
import { useSession } from '../session/session'
import { NeedsToken } from '../session/SessionButton'
import { type Trouble, troubleOf } from '../trouble'
import { Button } from '../ui/Button'
import { Field } from '../ui/Field'
import { TroubleNotice } from '../ui/Notice'
import { Pill } from '../ui/Pill'
import { Segmented } from '../ui/Segmented'
import { say } from '../ui/toast'
import { useGoOn } from '../ui/useGoOn'
import { Placeholder } from '../ui/Waiting'
import { laterOf } from './conflict'
import { watchConvergence } from './convergence'
import { CopyConflict } from './CopyConflict'
import { diffVersions } from './diff'
import { DiffTable } from './DiffTable'
import style from './History.module.css'
import type { History } from './useHistory'
import type { Known } from './useParams'
import { paramsWords } from './words'

interface Props {
  model: ModelInfo
  known: Known
  version: number
  newest: number
  history: History
  onLook: (document: Document) => void
  onWritten: (written: Tagged) => void
  /** Called with what somebody else wrote first. */
  onOvertaken: (theirs: Tagged) => void
}

/** One version: who wrote it and why, what it changed, and what can be done with it. */
export function VersionDetail({ model, known, version, newest, history, onLook, onWritten, onOvertaken }: Props) {
  const w = useWords(paramsWords)
  const { ago, moment } = useFormat()
  const modelName = useModelName()
  const [heading, goOn] = useGoOn<HTMLHeadingElement>()
  const [against, setAgainst] = useState(0)
  const [other, setOther] = useState('1')
  const isCurrent = version === known.document.version && !known.document.held
  const typed = /^\d+$/.test(other.trim()) ? Number(other) : 0
  const compared = [version - 1, known.document.version, typed][against]!
  const outside = against === 2 && (typed < 1 || typed > newest)
  const { want } = history
  useEffect(() => {
    want(version, version)
    if (compared >= 1 && compared <= newest) want(compared, compared)
  }, [want, version, compared, newest])

  const document = history.get(version)
  const before = history.get(compared)
  if (!document) return <Placeholder lines={5} />
  const changes = before && diffVersions(before, document)
  return (
    <div className={style.detail}>
      <header className={style.head}>
        <h3 ref={heading} tabIndex={-1}>
          {w.version(version)}
        </h3>
        {isCurrent && <Pill tone="accent">{w.current}</Pill>}
        {document.held && <Pill tone="warn">{w.held}</Pill>}
        <span title={document.created && moment(document.created)}>{w.by(document.author ?? w.nobody, ago(document.created ?? 0))}</span>
      </header>
      <p className={style.message}>{document.message || w.noMessage}</p>
      <Actions key={version} model={model} known={known} document={document} isCurrent={isCurrent} onLook={onLook} onWritten={onWritten} onOvertaken={onOvertaken} heading={heading} goOn={goOn} />
      <div className={style.against}>
        <Segmented label={w.against} options={[w.previous, w.currentOne, w.another]} chosen={against} onChoose={setAgainst} />
        {against === 2 && (
          <Field className={style.other} label={w.otherVersion} inputMode="numeric" value={other} error={outside ? w.noVersion(newest) : ''} onChange={(e) => setOther(e.target.value)} />
        )}
      </div>
      {against === 0 && version === 1 && <p>{w.first}</p>}
      {compared >= 1 && !outside && !changes && <Placeholder lines={2} />}
      {changes && changes.length === 0 && <p>{w.noDifference}</p>}
      {changes && changes.length > 0 && <DiffTable changes={changes} label={`${w.version(compared)} → ${w.version(version)}`} />}
      <ul className={style.facts}>
        <li>
          {w.digest} <code>{document.digest.slice(0, 19)}…</code>
        </li>
        {Object.entries(document.requires ?? {}).map(([name, pin]) => (
          <li key={name}>
            {w.requires} {modelName(name)} v{pin.version}
          </li>
        ))}
      </ul>
    </div>
  )
}

interface ActionsProps extends Omit<Props, 'version' | 'newest' | 'history'> {
  document: Document
  isCurrent: boolean
  /** Where the focus goes on, when the button that had it is gone. */
  heading: RefObject<HTMLHeadingElement | null>
  goOn: () => void
}

function Actions({ model, known, document, isCurrent, onLook, onWritten, onOvertaken, heading, goOn }: ActionsProps) {
  const w = useWords(paramsWords)
  const { mayWrite } = useSession()
  const [busy, setBusy] = useState(false)
  const [trouble, setTrouble] = useState<Trouble>()
  const [clash, setClash] = useState<{ seen: Document; theirs: Tagged }>()
  const [sent, setSent] = useState<{ upon: Tagged; message: string; idempotencyKey: string }>()
  const { version, held } = document

  /** Sent again upon the same document it is the same request, in whatever language by now: its answer may have been lost. */
  async function copy(upon: Tagged) {
    const began = performance.now()
    const request = sent?.upon.etag === upon.etag ? sent : { upon, message: (held ? w.wasHeld : w.rolledBack)(version), idempotencyKey: randomId() }
    setSent(request)
    setBusy(true)
    setTrouble(undefined)
    try {
      const { message, idempotencyKey } = request
      const written = await copyParams(model.name, held ? 'promote' : 'rollback', { version, message }, { ifMatch: upon.etag, idempotencyKey })
      watchConvergence(model.name, written.document.version, began)
      say('good', w.promoted(version, written.document.version))
      setClash(undefined)
      setSent(undefined)
      onWritten(written)
      goOn()
    } catch (error) {
      const trouble = troubleOf(error)
      const theirs = laterOf(trouble)
      if (theirs) {
        onOvertaken(theirs)
        setSent(undefined)
        setClash({ seen: upon.document, theirs })
      } else setTrouble(trouble)
      say('bad', w.failed)
    } finally {
      setBusy(false)
    }
  }

  // What may have been written is not asked for anew, though the page knows another document by now.
  const begin = () => void copy(sent?.upon ?? known)

  if (clash) {
    return (
      <CopyConflict
        key={clash.theirs.etag}
        seen={clash.seen}
        theirs={clash.theirs.document}
        wanted={document}
        busy={busy}
        onStill={() => void copy(clash.theirs)}
        onLeave={() => (setClash(undefined), goOn())}
      />
    )
  }
  if (isCurrent) return null
  return (
    <>
      <div className={style.actions}>
        {mayWrite && model.signature && <Button onClick={() => onLook(document)}>{w.seeEffect}</Button>}
        {mayWrite && (
          <Button look={held ? 'primary' : 'plain'} busy={busy} onClick={begin}>
            {held ? w.promote(version) : w.rollback(version)}
          </Button>
        )}
      </div>
      {model.signature && <NeedsToken then={heading}>{w.needsToken}</NeedsToken>}
      {trouble && <TroubleNotice title={w.failed} trouble={trouble} retry={begin} />}
    </>
  )
}
