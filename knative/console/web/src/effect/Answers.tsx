import { useFormat } from '../i18n/format'
import { useWords } from '../i18n/language'
import { useModelName, useTranslated } from '../i18n/names'
import { TroubleNotice } from '../ui/Notice'
import { Table } from '../ui/Table'
import style from './Answers.module.css'
import { byQuantile, type Curve } from './family'
import type { Element } from './signature'
import type { Answer, Curves } from './useCurves'
import { effectWords } from './words'

/** The value in large, its interval, and what each model answered with which params. */
export function Answers({ curves, model, element, stale, retry }: { curves: Curves; model: string; element: Element | undefined; stale: boolean; retry: () => void }) {
  const w = useWords(effectWords)
  const { number, percent } = useFormat()
  const translated = useTranslated()
  const modelName = useModelName()
  const mine = curves.answers.find((a) => a.model === model)
  const ordered = byQuantile(curves.answers.flatMap((a) => a.curve ?? []))
  const [low, high] = [ordered[0], ordered.at(-1)]
  const interval = low && high && low !== high ? { low, high } : undefined
  const coming = curves.answers.some((a) => !a.trouble && (!a.curve || a.coming)) // which keeps the interval's place
  const crossed = crossedHere(ordered)
  const then = curves.proposed?.curve
  const crossedThen = then && !crossed && crossedHere(byQuantile([then, ...curves.answers.flatMap((a) => (a.model === model ? [] : (a.curve ?? [])))]))
  const failed = curves.answers.find((a) => a.trouble)
  return (
    <div className={style.answers} aria-busy={stale || undefined}>
      <p className={style.value} aria-live="polite">
        <span className="unseen">{w.output} </span>
        <output>{mine?.curve ? number(mine.curve.here, 1) : mine?.trouble ? '–' : '…'}</output>
        {then && <ins> → {number(then.here, 1)}</ins>}
        <small>
          {translated(element?.description)} {element?.unit}
        </small>
      </p>
      {(interval || (curves.answers.length > 1 && coming)) && (
        <p className={style.interval}>
          {interval && (
            <>
              {w.interval(percent(interval.high.quantile! - interval.low.quantile!))}{' '}
              <strong>
                {number(interval.low.here, 1)} – {number(interval.high.here, 1)}
              </strong>
              {(crossed || crossedThen) && <em> {crossed ? w.crossedHere : w.crossedHereThen}</em>}
            </>
          )}
        </p>
      )}
      <Table figures name={w.answers} columns={[w.model, w.value, w.by]}>
        {curves.answers.map((answer, i) => (
          <Row key={answer.model} answer={answer} colour={i} strong={answer.model === model} />
        ))}
        {curves.proposed?.curve && <Row answer={curves.proposed} colour={curves.answers.findIndex((a) => a.model === model)} strong proposed />}
      </Table>
      {failed?.trouble && <TroubleNotice title={w.failed(modelName(failed.model))} trouble={failed.trouble} retry={retry} />}
    </div>
  )
}

/** Whether a lower quantile lies above a higher one at the input itself. */
function crossedHere(ordered: Curve[]): boolean {
  return ordered.some((c, i) => i > 0 && c.here < ordered[i - 1]!.here)
}

function Row({ answer, colour, strong, proposed = false }: { answer: Answer; colour: number; strong: boolean; proposed?: boolean }) {
  const w = useWords(effectWords)
  const modelName = useModelName()
  const { number, percent } = useFormat()
  const { curve, by } = answer
  return (
    <tr className={strong ? style.strong : undefined}>
      <th scope="row">
        <svg width="18" height="10" aria-hidden="true" className={style.swatch}>
          <line x1="1" x2="17" y1="5" y2="5" className={`${style[`colour${(colour % 5) + 1}`]} ${proposed ? style.dashed : ''}`} />
        </svg>
        {proposed ? w.proposed : modelName(answer.model)}
        {curve?.quantile !== undefined && <span className={style.quantile}> {percent(curve.quantile)}</span>}
      </th>
      <td>{curve ? number(curve.here, 2) : '–'}</td>
      <td className={style.by}>{proposed ? w.nowhere : by ? w.answered(by.version, by.revision) : answer.trouble ? w.noAnswer : w.waiting}</td>
    </tr>
  )
}
