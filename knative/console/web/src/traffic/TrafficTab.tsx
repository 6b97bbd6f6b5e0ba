import { useRef, useState } from 'react'
import { setTraffic } from '../api'
import type { ModelInfo, Share } from '../contract'
import { useWords } from '../i18n/language'
import { ReaderNotice } from '../session/SessionButton'
import { useSession } from '../session/session'
import { type Trouble, troubleOf } from '../trouble'
import { Button } from '../ui/Button'
import { Notice, TroubleNotice } from '../ui/Notice'
import { Panel } from '../ui/Panel'
import { say } from '../ui/toast'
import { useGoOn } from '../ui/useGoOn'
import { ConfirmSplit } from './ConfirmSplit'
import { Counted } from './Counted'
import { dropRows, type Edits, keepFormer, keepRows, rebaseRows, rowsWith, settleRows, useEdits } from './edits'
import { RevisionRow } from './RevisionRow'
import { SplitBar } from './SplitBar'
import { giving, type Move, movesTo, percentIn, problemsIn, type Row, rowsFor, sharesOf, sumOf } from './split'
import style from './TrafficTab.module.css'
import { TrafficConflict } from './TrafficConflict'
import { toldBy, useStanding } from './useStanding'
import { WhoSet } from './WhoSet'
import { trafficWords } from './words'

/** Revisions beyond this many are shown on demand, unless they have traffic or a tag. */
const mostShown = 8

/** The revisions of a model, and the share of the traffic that each has. */
export default function TrafficTab({ model }: { model: ModelInfo }) {
  const w = useWords(trafficWords)
  if (model.revisions.length === 0) return <Notice>{w.none}</Notice>
  return (
    <div className={style.tab}>
      <Split model={model} />
    </div>
  )
}

function Split({ model }: { model: ModelInfo }) {
  const w = useWords(trafficWords)
  const { mayWrite } = useSession()
  const edits = useEdits(model.name)
  const [firstOlder, showOlder] = useState('')
  const [asked, ask] = useState<{ rows: Row[]; split: string; typed: Edits['rows'] }>()
  const [trouble, setTrouble] = useState<Trouble>()
  const [theirs, setTheirs] = useState<Move[]>([])
  const [refused, setRefused] = useState({ revision: '', said: '' })
  const [comparing, setComparing] = useState(false)
  const [changes, setChanges] = useState(0)
  const [heading, goOn] = useGoOn<HTMLHeadingElement>()
  const [counted, goOnCounting] = useGoOn<HTMLHeadingElement>({ scrolls: true })
  const [older, goOnOlder] = useGoOn<HTMLHeadingElement>({ scrolls: true })
  const sending = useRef(false)
  const { tell, ...standing } = useStanding(model)
  const { revisions, split, trafficSet } = standing

  const rows = rowsWith(revisions, edits)
  const moves = movesTo(rows, revisions)
  const problems = problemsIn(rows, revisions)
  const sum = sumOf(rows)
  const good = sum === 100 && Object.keys(problems).length === 0
  const shown = firstOlder ? rows : rows.filter((r, i) => i < mostShown || sharesOf([r]).length > 0 || r.revision in problems || r.revision === refused.revision || revisions[i]!.percent > 0)
  const hidden = rows.filter((r) => !shown.includes(r))
  const colours = coloursOf(revisions)
  function put(next: Row[]) {
    setRefused({ revision: '', said: '' })
    setTrouble(undefined)
    keepRows(model.name, next, standing, sending.current)
  }
  const now = { ...model, ...standing }
  const overtaken = edits.rows !== undefined && edits.split !== split && moves.length > 0

  /** What was typed stays, unless it is just this that was sent. */
  async function change(traffic: Share[], ifMatch: string, typed?: Edits['rows']) {
    setTrouble(undefined)
    sending.current = true
    try {
      const changed = await setTraffic(model.name, traffic, ifMatch)
      keepFormer(model.name, changed.former ?? undefined)
      settleRows(model.name, typed, tell(changed))
      setChanges((n) => n + 1)
      goOnCounting()
      say('good', w.done)
    } catch (error) {
      const trouble = troubleOf(error)
      const told = toldBy(trouble)
      if (told) setTheirs(movesTo(rowsFor(tell(told).revisions, told.traffic), revisions))
      setComparing(told !== undefined)
      const share = traffic[Number(/^traffic\[(\d+)\]/.exec(trouble.field)?.[1])]
      setRefused({ revision: share?.revision ?? '', said: trouble.reason })
      setTrouble(trouble)
      say('bad', w.failed)
    } finally {
      sending.current = false
    }
    ask(undefined)
  }

  function decided(what: () => void) {
    what()
    setComparing(false)
    setTrouble(undefined)
    goOn()
  }

  return (
    <>
      <Panel title={w.revisions} heading={heading}>
        <p className={style.lead}>{w.lead}</p>
        <ReaderNotice />
        <div className={style.bars}>
          <SplitBar label={w.now} shares={revisions.map(({ name, percent }) => ({ revision: name, percent, colour: colours[name]! }))} />
          {trafficSet && (
            <p className={style.who}>
              <WhoSet set={trafficSet} />
            </p>
          )}
          {moves.length > 0 && (
            <SplitBar label={w.proposed} shares={rows.map(({ revision, percent }) => ({ revision, percent: percentIn(percent) || 0, colour: colours[revision]! }))} />
          )}
        </div>
        {overtaken && comparing ? (
          <TrafficConflict
            key={split}
            began={edits.began}
            mine={rows}
            revisions={revisions}
            set={trafficSet}
            onMine={() => decided(() => rebaseRows(model.name, standing))}
            onTheirs={() => decided(() => dropRows(model.name))}
            onClose={() => decided(() => {})}
          />
        ) : overtaken ? (
          <Notice tone="warn" title={w.changedMeanwhile} action={<Button onClick={() => setComparing(true)}>{w.compare}</Button>} />
        ) : trouble?.kind === 'conflict' ? (
          <Notice tone="warn" title={w.conflict}>
            {trafficSet && <WhoSet set={trafficSet} />} {theirs.length > 0 && w.conflictBack(theirs.map(inWords).join(', '))}
          </Notice>
        ) : (
          trouble && <TroubleNotice title={w.failed} trouble={trouble} />
        )}
        <ul className={style.rows}>
          {shown.map((row) => (
            <RevisionRow
              key={row.revision}
              row={row}
              revision={revisions.find((r) => r.name === row.revision)!}
              colour={colours[row.revision]!}
              problem={problems[row.revision]}
              refused={refused.revision === row.revision ? refused.said : ''}
              readOnly={!mayWrite}
              heading={row.revision === firstOlder ? older : undefined}
              onType={(part) => put(rows.map((r) => (r.revision === row.revision ? { ...r, ...part } : r)))}
              onGive={(percent) => put(giving(rows, row.revision, percent))}
            />
          ))}
        </ul>
        {hidden[0] && <Button onClick={() => (showOlder(hidden[0]!.revision), goOnOlder())}>{w.more(hidden.length)}</Button>}
        {!hidden[0] && !!model.leftOut && <p className={style.lead}>{w.leftOut(model.leftOut)}</p>}
        {mayWrite && (
          <div className={style.foot}>
            <p className={sum === 100 ? style.sum : style.wrong} role="status">
              {moves.length === 0 ? w.unchanged : w.sum(sum)}
            </p>
            {moves.length > 0 && (
              <Button look="quiet" onClick={() => (dropRows(model.name), goOn())}>
                {w.reset}
              </Button>
            )}
            <Button look="primary" disabled={moves.length === 0 || !good} onClick={() => (overtaken ? setComparing(true) : ask({ rows, split, typed: edits.rows }))}>
              {w.review}
            </Button>
          </div>
        )}
      </Panel>
      {edits.former && mayWrite && <Former model={now} former={edits.former} colours={colours} onBack={() => change(edits.former!, split)} />}
      <Counted key={changes} heading={counted} model={now} colours={colours} atOnce={changes > 0} />
      {asked && (
        <ConfirmSplit moves={movesTo(asked.rows, revisions)} moved={asked.split !== split} onConfirm={() => change(sharesOf(asked.rows), asked.split, asked.typed)} onClose={() => ask(undefined)} />
      )}
    </>
  )
}

/** The split that was before the last change, one click away. */
function Former({ model, former, colours, onBack }: { model: ModelInfo; former: Share[]; colours: Record<string, number>; onBack: () => Promise<void> }) {
  const w = useWords(trafficWords)
  const [busy, setBusy] = useState(false)
  // What is not listed may be there all the same: then the server knows.
  const listed = former.every((s) => model.revisions.some((r) => r.name === s.revision))
  if (listed ? movesTo(rowsFor(model.revisions, former), model.revisions).length === 0 : !model.leftOut) return null
  return (
    <Panel
      title={w.former}
      aside={
        <Button
          busy={busy}
          onClick={() => {
            setBusy(true)
            void onBack().finally(() => setBusy(false))
          }}
        >
          {w.back}
        </Button>
      }
    >
      <SplitBar label={w.former} shares={former.map(({ revision, percent }) => ({ revision, percent, colour: colours[revision] ?? model.revisions.length }))} />
    </Panel>
  )
}

function inWords({ revision, from, to, tagsAdded, tagsTaken }: Move): string {
  return [`${revision} ${from} % → ${to} %`, ...tagsAdded.map((t) => `+${t}`), ...tagsTaken.map((t) => `−${t}`)].join(' ')
}

/** Those with traffic come first, so that they differ from each other. */
function coloursOf(revisions: ModelInfo['revisions']): Record<string, number> {
  const order = revisions.toSorted((a, b) => Number(b.percent > 0) - Number(a.percent > 0))
  return Object.fromEntries(order.map(({ name }, i) => [name, i]))
}
