import { memo, useDeferredValue } from 'react'
import type { Stats } from '../contract'
import { useFormat } from '../i18n/format'
import { useWords } from '../i18n/language'
import { figuresOf } from '../live/figures'
import { useLive } from '../live/live'
import { Spark } from '../ui/Spark'
import style from './Load.module.css'
import { modelsWords } from './words'

/** The last minute of a model's predictions through this gateway, which knows of no others: how many, how many failed, and how long they took. */
export function Load({ model }: { model: string }) {
  const seconds = useDeferredValue(useLive((l) => l.seconds)) // a hundred are drawn in small steps, and hold no frame up
  return <Charts model={model} seconds={seconds} />
}

const Charts = memo(function Charts({ model, seconds }: { model: string; seconds: Stats[] }) {
  const w = useWords(modelsWords)
  const { number, milliseconds } = useFormat()
  const { requests, errors, p50, p99, rate, failed, latest } = figuresOf(seconds, model)
  const time = (value: number | null) => (value === null ? '–' : milliseconds(value))
  return (
    <div className={style.load}>
      <figure>
        <figcaption>
          <span>
            {w.perSecond} <strong>{number(rate)}</strong>
          </span>
          <span className={failed > 0 ? style.bad : undefined}>
            {w.errorsPerMinute} <strong>{number(failed)}</strong>
          </span>
        </figcaption>
        <Spark
          label={w.requestsChart(Math.max(...requests), failed)}
          lines={[
            { values: requests, look: requests.some((r) => r > 0) ? 'strong' : 'faint', filled: true },
            { values: errors.map((e) => (e > 0 ? e : null)), look: 'bad' },
          ]}
        />
      </figure>
      <figure>
        <figcaption>
          <span>
            p50 <strong>{time(latest.p50)}</strong>
          </span>
          <span>
            p99 <strong>{time(latest.p99)}</strong>
          </span>
        </figcaption>
        <Spark
          label={w.timesChart(time(latest.p50), time(latest.p99))}
          lines={[
            { values: p99, look: 'faint' },
            { values: p50, look: 'strong' },
          ]}
        />
      </figure>
      <p>{w.scope}</p>
    </div>
  )
})
