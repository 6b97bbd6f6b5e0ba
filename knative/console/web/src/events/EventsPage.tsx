import { memo, useEffect, useMemo, useState } from 'react'
import type { ParamsEvent } from '../contract'
import { useFormat } from '../i18n/format'
import { useWords } from '../i18n/language'
import { useModelName } from '../i18n/names'
import { onParams, useLive } from '../live/live'
import { Link } from '../router'
import { Button } from '../ui/Button'
import { Field } from '../ui/Field'
import field from '../ui/Field.module.css'
import { PageTitle } from '../ui/PageTitle'
import { Panel } from '../ui/Panel'
import { Pill } from '../ui/Pill'
import { useNow } from '../ui/useNow'
import { Placeholder } from '../ui/Waiting'
import style from './EventsPage.module.css'
import { matches, type What, whatOf } from './what'
import { eventsWords } from './words'

/** How many more are shown at a time. */
const atATime = 50

/** What happened to params, as it happens: who, what, when. */
export default function EventsPage() {
  const w = useWords(eventsWords)
  const link = useLive((l) => l.link)
  return (
    <>
      <PageTitle title={w.title} lead={w.lead} />
      <Panel
        title={w.log}
        aside={
          <Pill tone={link === 'open' ? 'good' : 'calm'} dot>
            {link === 'open' ? w.live : w.notLive}
          </Pill>
        }
      >
        <Log />
      </Panel>
    </>
  )
}

function Log() {
  const w = useWords(eventsWords)
  const modelName = useModelName()
  const log = useLive((l) => l.log)
  const known = useLive((l) => l.list)
  const [model, setModel] = useState('')
  const [search, setSearch] = useState('')
  const [most, setMost] = useState(atATime)
  const what = useMemo(() => whatOf(log), [log])
  const currents = useMemo(() => new Map(known?.models.map((m) => [m.name, m.params?.version])), [known])
  const fitting = useMemo(() => log.filter((e) => (model === '' || e.model === model) && matches(e, search)), [log, model, search])
  const fresh = useFresh()
  const now = useNow()
  const models = [...new Set(log.map((e) => e.model))].toSorted()

  if (!known) return <Placeholder lines={6} />
  if (log.length === 0) return <p>{w.none}</p>
  return (
    <>
      <div className={style.tools}>
        <div className={field.field}>
          <label htmlFor="events-model">{w.filter}</label>
          <select id="events-model" className={field.input} value={model} onChange={(e) => setModel(e.target.value)}>
            <option value="">{w.all}</option>
            {models.map((m) => (
              <option key={m} value={m}>
                {modelName(m)}
              </option>
            ))}
          </select>
        </div>
        <Field label={w.search} type="search" placeholder={w.searchHint} value={search} onChange={(e) => setSearch(e.target.value)} />
      </div>
      <Announced what={what} event={fresh.at(-1)} />
      <ol className={style.log}>
        {fitting.slice(0, most).map((event) => (
          <Entry
            key={`${event.model}/${event.version}`}
            event={event}
            what={what.get(event)!}
            current={currents.get(event.model) === event.version}
            fresh={fresh.some((e) => e.model === event.model && e.version === event.version)}
            now={now}
          />
        ))}
      </ol>
      {fitting.length === 0 && <p>{w.noneFound}</p>}
      {fitting.length > most && <Button onClick={() => setMost(most + atATime)}>{w.older(Math.min(atATime, fitting.length - most))}</Button>}
      <p className={style.more}>{w.more}</p>
    </>
  )
}

/** Says the newest event to a screen reader, once it comes. */
function Announced({ what, event }: { what: Map<ParamsEvent, What>; event: ParamsEvent | undefined }) {
  const w = useWords(eventsWords)
  const modelName = useModelName()
  const said = event && [...what.entries()].find(([e]) => e.model === event.model && e.version === event.version)
  const text = useWhatText()
  return (
    <p className="unseen" role="status">
      {said && w.arrived(modelName(said[0].model), text(said[1]))}
    </p>
  )
}

interface EntryProps {
  event: ParamsEvent
  what: What
  current: boolean
  fresh: boolean
  now: number
}

const Entry = memo(function Entry({ event, what, current, fresh, now }: EntryProps) {
  const w = useWords(eventsWords)
  const modelName = useModelName()
  const { ago, moment } = useFormat()
  const text = useWhatText()
  const { model, author, message, created, requires } = event
  return (
    <li className={`${style.entry} ${fresh ? style.fresh : ''}`}>
      <time className={style.time} dateTime={created} title={created && moment(created)}>
        {created && ago(created, now)}
      </time>
      <p className={style.what}>
        <Link to={{ page: 'model', model, tab: 'params' }}>{modelName(model)}</Link> {text(what)} {current && <Pill tone="accent">{w.current}</Pill>} {what.kind === 'held' && <Pill tone="warn">{w.held}</Pill>}
      </p>
      <p className={style.who}>{author || w.nobody}</p>
      <p className={style.message}>
        <span className={style.said}>{message}</span>
        <span>{requires.map((r) => w.pins(modelName(r.name), r.version)).join(', ')}</span>
      </p>
    </li>
  )
})

function useWhatText(): (what: What) => string {
  const w = useWords(eventsWords)
  return (what) => ('of' in what ? w.kind[what.kind](what.version, what.of) : w.kind[what.kind](what.version))
}

/** The events that came while one looks. */
function useFresh(): ParamsEvent[] {
  const [fresh, setFresh] = useState<ParamsEvent[]>([])
  useEffect(() => onParams((event) => setFresh((all) => [...all.slice(-99), event])), [])
  return fresh
}
