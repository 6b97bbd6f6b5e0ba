import { useEffect, useMemo } from 'react'
import { dataset } from '../api'
import type { Dataset, ModelInfo } from '../contract'
import { useFormat } from '../i18n/format'
import { useWords } from '../i18n/language'
import { useModelName, useTranslated } from '../i18n/names'
import type { Trouble } from '../trouble'
import { Notice } from '../ui/Notice'
import { Panel } from '../ui/Panel'
import { Segmented } from '../ui/Segmented'
import { useAsk } from '../ui/useAsk'
import { Placeholder } from '../ui/Waiting'
import { Answers } from './Answers'
import { Beside } from './Beside'
import { Chart, type Drawn } from './Chart'
import style from './Effect.module.css'
import { crossings, type Stretch } from './family'
import { InputForm } from './InputForm'
import { useForm } from './input'
import { type Element, elementsOf, roundTo, stepOf } from './signature'
import { type Proposed, useCurves } from './useCurves'
import { useDrawn } from './useDrawn'
import { effectWords } from './words'

interface Props {
  model: ModelInfo
  /** Shown beside what serves; nothing is stored. */
  proposed?: Proposed
  /** Told what the server has against the proposed params, undefined when nothing, and how they are asked for again. */
  onProposedTrouble?: (trouble: Trouble | undefined, retry: () => void) => void
}

/** What a model makes of an input as one types, with its family, along a sweep of one number; with `proposed` params, now against proposed. */
export function Effect(props: Props) {
  const w = useWords(effectWords)
  const { signature } = props.model
  const inputs = useMemo(() => signature && elementsOf(signature.inputs), [signature])
  const outputs = useMemo(() => signature && elementsOf(signature.outputs), [signature])
  if (!inputs?.length || !outputs?.length) return <Notice>{w.noSignature}</Notice>
  return <Drawing {...props} inputs={inputs} outputs={outputs} />
}

const noData: [number, number][] = []
const noStretches: Stretch[] = []

function Drawing({ model, proposed, onProposedTrouble, inputs, outputs }: Props & { inputs: Element[]; outputs: Element[] }) {
  const w = useWords(effectWords)
  const { number } = useFormat()
  const modelName = useModelName()
  const translated = useTranslated()
  const { family, drawn: together, draw } = useDrawn(model)
  const form = useForm(model, inputs)
  const asked = useCurves(model, together, form, proposed)
  const curves = asked.data
  const name = model.signature?.dataset ?? ''
  const training = useAsk(name, (signal) => dataset(name, signal)).data

  const swept = inputs[curves?.sweep ?? form.sweep] ?? inputs[0]!
  const output = outputs[curves?.output ?? form.output] ?? outputs[0]!
  const data = useMemo(() => (training ? pointsOf(training, swept.name, output.name) : noData), [training, swept, output])
  const drawn = useMemo(() => {
    const all: Drawn[] = (curves?.answers ?? []).flatMap(({ curve }, colour) => (curve ? { ...curve, colour, strong: curve.model === model.name, proposed: false } : []))
    const colour = curves?.answers.findIndex((a) => a.model === model.name) ?? 0
    if (curves?.proposed?.curve) all.push({ ...curves.proposed.curve, colour, strong: true, proposed: true })
    return all.toSorted((a, b) => Number(a.strong) - Number(b.strong))
  }, [curves, model.name])
  // Of two with one quantile the first counts: the model itself.
  const crossed = useMemo(() => crossings(drawn.filter((c) => !c.proposed).toReversed()), [drawn])
  const crossedThen = useMemo(() => {
    if (!drawn.some((c) => c.proposed)) return noStretches
    const then = crossings(drawn.filter((c) => c.proposed || c.model !== model.name).toReversed())
    return JSON.stringify(then) === JSON.stringify(crossed) ? noStretches : then
  }, [drawn, crossed, model.name])

  const against = curves?.proposed?.trouble
  const { retry } = asked
  useEffect(() => onProposedTrouble?.(against, retry), [against, retry, onProposedTrouble])

  const axis = (e: Element) => [translated(e.description) || e.name, e.unit && `(${e.unit})`].filter(Boolean).join(' ')
  const place = (i: number) => number(curves!.places[i]!, 2)
  const label = curves
    ? [w.chart(axis(output), axis(swept), place(0), place(curves.places.length - 1)), ...drawn.map((c) => w.line(c.proposed ? w.proposed : modelName(c.model), number(c.values[0]!), number(c.values.at(-1)!)))].join(' ')
    : ''

  return (
    <div className={style.effect}>
      <Panel title={w.output} className={style.output}>
        {curves ? <Answers curves={curves} model={model.name} element={output} stale={asked.stale} retry={asked.retry} /> : <Placeholder lines={5} />}
        {(asked.slow || curves?.slow) && <Notice>{w.slow}</Notice>}
      </Panel>
      <Panel title={w.input} className={style.input}>
        <InputForm form={form} />
      </Panel>
      <Panel
        title={w.sweep}
        className={style.sweep}
        aside={
          <>
            {outputs.length > 1 && <Segmented label={w.output} options={outputs.map((o) => o.name)} chosen={form.output} onChoose={form.show} />}
            {inputs.length > 1 && <Segmented label={w.over} options={inputs.map((i) => i.name)} chosen={form.sweep} onChoose={form.sweepOver} />}
          </>
        }
      >
        {curves ? (
          <Chart
            label={label}
            xLabel={axis(swept)}
            yLabel={axis(output)}
            places={curves.places}
            here={curves.here}
            curves={drawn}
            crossed={crossed}
            crossedThen={crossedThen}
            data={data}
            range={output.range}
            onPoint={(x) => form.type(curves.sweep, String(roundTo(x, stepOf(swept))))}
          />
        ) : (
          <div className={style.space} />
        )}
        {crossed.length > 0 && curves && (
          <Notice tone="warn" title={w.crossed}>
            {crossed.map(({ from, to }) => w.crossedAt(swept.name, place(from), place(to))).join(' ')} {w.crossedWhy}
          </Notice>
        )}
        {crossedThen.length > 0 && curves && (
          <Notice tone="warn" title={w.crossedThen}>
            {crossedThen.map(({ from, to }) => w.crossedAt(swept.name, place(from), place(to))).join(' ')} {crossed.length === 0 && w.crossedWhy}
          </Notice>
        )}
        {name && <p className={style.caption}>{training && curves && w.data(data.length, training.total)}</p>}
        {family.length > 1 && <div className={style.together}>{curves && <Beside model={model} family={family} drawn={together} onDraw={draw} />}</div>}
      </Panel>
    </div>
  )
}

/** Two columns of a dataset, where both are numbers. */
function pointsOf(set: Dataset, x: string, y: string): [number, number][] {
  const [ix, iy] = [set.columns.indexOf(x), set.columns.indexOf(y)]
  if (ix < 0 || iy < 0) return noData
  return set.rows.flatMap((row) => {
    const [vx, vy] = [row[ix], row[iy]]
    return typeof vx === 'number' && typeof vy === 'number' ? [[vx, vy] as [number, number]] : []
  })
}
