import { type Ref, useCallback, useEffect, useRef, useState } from 'react'
import { predict } from '../api'
import type { ModelInfo } from '../contract'
import { elementsOf, encodeInput } from '../effect/signature'
import { useFormat } from '../i18n/format'
import { useWords } from '../i18n/language'
import { Button } from '../ui/Button'
import { Panel } from '../ui/Panel'
import { Pill } from '../ui/Pill'
import { Table } from '../ui/Table'
import { count, type Count, tolerance } from './count'
import { Mark, SplitBar } from './SplitBar'
import style from './TrafficTab.module.css'
import { trafficWords } from './words'

const many = 200
const together = 4

/** What really comes of the split: predictions are made, and counted by the revision that answered. With `atOnce` it begins by itself. */
export function Counted({ heading, model, colours, atOnce }: { heading: Ref<HTMLHeadingElement>; model: ModelInfo; colours: Record<string, number>; atOnce: boolean }) {
  const w = useWords(trafficWords)
  const [counted, setCounted] = useState<Count>()
  const control = useRef<AbortController>(undefined)
  const [running, setRunning] = useState(false)
  const input = middleOf(model)
  const latest = useRef({ model: model.name, input })
  useEffect(() => {
    latest.current = { model: model.name, input }
  })

  const start = useCallback(async () => {
    control.current?.abort()
    const mine = (control.current = new AbortController())
    const { model, input } = latest.current
    setRunning(true)
    await count(many, together, async (signal) => (await predict(model, [input], signal)).by.revision, mine.signal, setCounted)
    if (control.current === mine) setRunning(false)
  }, [])

  useEffect(() => {
    if (atOnce && latest.current.input !== undefined) void start()
    return () => control.current?.abort()
  }, [atOnce, start])

  if (input === undefined) return <Panel title={w.count} heading={heading}>{w.noInput}</Panel>
  return (
    <Panel
      title={w.count}
      heading={heading}
      aside={
        running ? (
          <Button
            onClick={() => {
              control.current?.abort()
              setRunning(false)
            }}
          >
            {w.stop}
          </Button>
        ) : (
          <Button onClick={() => void start()}>{w.countNow(many)}</Button>
        )
      }
    >
      <p className={style.lead} role="status">
        {running && counted ? w.counting(counted.answered + counted.failed, counted.asked) : w.countLead}
      </p>
      {counted && <Outcome model={model} counted={counted} colours={colours} whole={!running} />}
    </Panel>
  )
}

function Outcome({ model, counted, colours, whole }: { model: ModelInfo; counted: Count; colours: Record<string, number>; whole: boolean }) {
  const w = useWords(trafficWords)
  const { number } = useFormat()
  const { by, answered, failed } = counted
  const asked = Object.fromEntries(model.revisions.map((r) => [r.name, r.percent]))
  const names = [...new Set([...model.revisions.filter((r) => r.percent > 0).map((r) => r.name), ...Object.keys(by)])]
  const share = (name: string) => (answered > 0 ? (100 * (by[name] ?? 0)) / answered : 0)
  return (
    <>
      <SplitBar label={w.asked} shares={names.map((name) => ({ revision: name, percent: asked[name] ?? 0, colour: colours[name] ?? 4 }))} />
      <SplitBar label={w.answered} shares={names.map((name) => ({ revision: name, percent: Math.round(share(name) * 10) / 10, colour: colours[name] ?? 4 }))} />
      <Table figures name={w.count} columns={[w.revision, w.asked, w.answered, w.answers, <span key="verdict" className="unseen">{w.verdict}</span>]}>
        {names.map((name) => {
          const off = Math.abs(share(name) - (asked[name] ?? 0))
          const fits = off <= tolerance(asked[name] ?? 0, answered)
          return (
            <tr key={name}>
              <th scope="row">
                <Mark colour={colours[name] ?? 4} />{' '}
                {name}
              </th>
              <td>{asked[name] ?? 0} %</td>
              <td>{number(share(name), 1)} %</td>
              <td>{by[name] ?? 0}</td>
              <td>{whole && answered > 0 && <Pill tone={fits ? 'good' : 'warn'}>{fits ? w.fits : w.differs}</Pill>}</td>
            </tr>
          )
        })}
      </Table>
      {failed > 0 && <p className={style.wrong}>{w.failedOf(failed)}</p>}
    </>
  )
}

/** An input from the middle of the data; undefined if the model does not say what goes in. */
function middleOf({ signature }: ModelInfo): unknown {
  const elements = signature && elementsOf(signature.inputs)
  if (!signature || !elements?.length) return undefined
  return encodeInput(
    signature,
    elements.map(({ range, integer }) => {
      const middle = range ? (range.min + range.max) / 2 : 0
      return integer ? Math.round(middle) : middle
    }),
  )
}
