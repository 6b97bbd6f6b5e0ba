import { useCallback, useRef, useState } from 'react'
import type { Tagged } from '../api'
import type { Document, ModelInfo } from '../contract'
import { Effect } from '../effect/Effect'
import { useWords } from '../i18n/language'
import { useModelName } from '../i18n/names'
import { useLive } from '../live/live'
import { useSession } from '../session/session'
import { NeedsToken } from '../session/SessionButton'
import { Link } from '../router'
import type { Trouble } from '../trouble'
import { Button } from '../ui/Button'
import { Notice, TroubleNotice } from '../ui/Notice'
import { Panel } from '../ui/Panel'
import { useGoOn } from '../ui/useGoOn'
import { Waiting } from '../ui/Waiting'
import { contentOf } from './conflict'
import { EditorForm } from './EditorForm'
import { History } from './History'
import style from './ParamsTab.module.css'
import { problemsOf } from './problems'
import { useEditor } from './useEditor'
import { type Known, useNewest, useParams } from './useParams'
import { paramsWords } from './words'

/** The params of a model: change them, see what that does before it is saved, and all that was before. */
export default function ParamsTab({ model }: { model: ModelInfo }) {
  const w = useWords(paramsWords)
  const registry = useLive((l) => l.list?.registry)
  const { asked, known, learn } = useParams(model)
  if (registry === 'none') return <Notice>{w.noRegistry}</Notice>
  if (asked.trouble?.status === 404) return <Notice>{w.noParams}</Notice>
  return <Waiting asked={{ ...asked, data: known }}>{(known) => <Params model={model} known={known} learn={learn} />}</Waiting>
}

function Params({ model, known, learn }: { model: ModelInfo; known: Known; learn: (written: Tagged) => void }) {
  const w = useWords(paramsWords)
  const modelName = useModelName()
  const [looked, look] = useState<Document>()
  const [chosen, choose] = useState(0)
  const [newHeld, setNewHeld] = useState(0)
  const [{ trouble, retry }, setPreview] = useState<{ trouble?: Trouble; retry?: () => void }>({})
  const effect = useRef<HTMLDivElement>(null)
  const [heading, goOn] = useGoOn<HTMLHeadingElement>()
  const { mayWrite } = useSession()
  const editor = useEditor(model, known, looked ? undefined : trouble, learn, () => look(undefined))
  const newest = Math.max(newHeld, useNewest(model, known.document))
  const typed = editor.dirty && editor.readable && mayWrite ? editor.content : undefined
  const proposed = looked && mayWrite ? contentOf(looked) : typed
  const served = known.document.requires
  const others = Object.entries(proposed?.requires ?? {}).filter(([name, pin]) => pin.version !== served?.[name]?.version)

  const show = useCallback((document: Document) => {
    look(document)
    effect.current?.scrollIntoView({ block: 'start' })
  }, [])

  const told = useCallback((trouble: Trouble | undefined, retry: () => void) => setPreview({ trouble, retry }), [])

  return (
    <div className={style.tab}>
      <EditorForm
        model={model}
        editor={editor}
        onHeld={({ document }) => {
          setNewHeld(document.version)
          choose(document.version)
          if (model.signature) look(document)
        }}
      />
      {model.signature ? (
        <div ref={effect} className={style.effect}>
          <header className={style.head}>
            <h2 ref={heading} tabIndex={-1}>
              {w.effect}
            </h2>
            <p className={style.lead}>
              {looked && mayWrite ? w.effectOf(looked.version) : typed ? w.effectDraft : w.effectNow} {others.map(([name, pin]) => w.effectWith(modelName(name), pin.version)).join(' ')}
            </p>
            {looked && mayWrite && <Button onClick={() => (look(undefined), goOn())}>{w.stopLooking}</Button>}
            {(looked || editor.dirty) && <NeedsToken then={heading}>{w.needsToken}</NeedsToken>}
          </header>
          {trouble && proposed && Object.keys(looked ? {} : problemsOf(trouble)).length === 0 && <TroubleNotice title={w.failedPreview} trouble={trouble} retry={retry} />}
          <Effect model={model} proposed={proposed} onProposedTrouble={told} />
        </div>
      ) : (
        <Dependents component={model} />
      )}
      <History
        model={model}
        known={known}
        newest={newest}
        chosen={Math.min(chosen || newest, newest)}
        onChoose={choose}
        onLook={show}
        onWritten={(written) => {
          learn(written)
          look(undefined)
        }}
        onOvertaken={learn}
      />
    </div>
  )
}

/** Where a component is used, and how its params are tried. */
function Dependents({ component }: { component: ModelInfo }) {
  const w = useWords(paramsWords)
  const modelName = useModelName()
  const models = useLive((l) => l.list?.models)
  const dependents = (models ?? []).flatMap((m) => (m.params?.requires ?? []).filter((r) => r.name === component.name).map((r) => ({ model: m.name, version: r.version })))
  return (
    <Panel title={w.dependents}>
      <p className={style.lead}>
        {w.componentEffect} {w.componentHow}
      </p>
      <ul className={style.dependents}>
        {dependents.map(({ model, version }) => (
          <li key={model}>
            <Link to={{ page: 'model', model, tab: 'params' }}>{modelName(model)}</Link> <span className={style.lead}>{w.pins(version)}</span>
          </li>
        ))}
      </ul>
    </Panel>
  )
}
