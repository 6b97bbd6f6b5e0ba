import { type PointerEvent, useId, useMemo } from 'react'
import { useFormat } from '../i18n/format'
import { useSize } from '../ui/useSize'
import style from './Chart.module.css'
import { byQuantile, type Curve, type Stretch } from './family'
import { roundScale, type Scale, scale } from './scale'

/** A curve and how it is drawn: in the colour of its place in the family, strongly if the page is about it, dashed if it is proposed. */
export interface Drawn extends Curve {
  colour: number
  strong: boolean
  proposed: boolean
}

interface Props {
  /** What the chart says, for those who do not see it. */
  label: string
  xLabel: string
  yLabel: string
  places: number[]
  here: number
  curves: Drawn[]
  /** Where quantiles cross: as it is, and with what is proposed. */
  crossed: Stretch[]
  crossedThen: Stretch[]
  data: [x: number, y: number][]
  /** What y is known to span. */
  range: { min: number; max: number } | undefined
  /** Called with a place that was pointed at. */
  onPoint: (x: number) => void
}

const margin = { top: 14, right: 16, bottom: 44, left: 40 }

export function Chart(props: Props) {
  const [ref, { width, height }] = useSize<HTMLDivElement>()
  return (
    <div className={style.whole}>
      <p className={style.title} aria-hidden="true">
        {props.yLabel}
      </p>
      <div ref={ref} className={style.frame}>
        {width > 0 && height > 0 && <Drawing {...props} width={width} height={height} />}
      </div>
    </div>
  )
}

function Drawing({ label, xLabel, places, here, curves, crossed, crossedThen, data, range, onPoint, width, height }: Props & { width: number; height: number }) {
  const { number } = useFormat()
  const hatch = useId()
  const x = scale(places[0]!, places.at(-1)!, margin.left, width - margin.right, width < 480 ? 4 : 8)
  const y = useScaleOfY(curves, data, range, height)
  const bottom = height - margin.bottom

  function point(event: PointerEvent<SVGSVGElement>) {
    if (event.type === 'pointermove' && event.buttons !== 1) return
    const value = x.toValue(event.clientX - event.currentTarget.getBoundingClientRect().left)
    onPoint(Math.min(x.max, Math.max(x.min, value)))
  }

  return (
    <svg className={style.chart} width={width} height={height} role="img" aria-label={label} onPointerDown={point} onPointerMove={point}>
      <pattern id={hatch} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <rect width="2.5" height="6" className={style.hatch} />
      </pattern>
      {y.ticks.map((tick) => (
        <g key={tick} transform={`translate(0 ${y.toPixel(tick)})`}>
          <line x1={margin.left} x2={width - margin.right} className={style.grid} />
          <text x={margin.left - 8} dy="0.32em" textAnchor="end" className={style.tick}>
            {number(tick, 6)}
          </text>
        </g>
      ))}
      {x.ticks.map((tick) => (
        <text key={tick} x={x.toPixel(tick)} y={bottom + 18} textAnchor="middle" className={style.tick}>
          {number(tick, 6)}
        </text>
      ))}
      <text x={(margin.left + width - margin.right) / 2} y={height - 6} textAnchor="middle" className={style.title}>
        {xLabel}
      </text>
      <Dots data={data} x={x} y={y} />
      <Band curves={curves} places={places} x={x} y={y} />
      {[...crossed.map((c) => ({ ...c, proposed: false })), ...crossedThen.map((c) => ({ ...c, proposed: true }))].map(({ from, to, proposed }) => {
        const [left, right] = [x.toPixel(places[from]!) - 2, x.toPixel(places[to]!) + 2]
        return (
          <g key={`${from} ${proposed}`} className={style.crossed}>
            <rect x={left} width={right - left} y={margin.top} height={bottom - margin.top} fill={`url(#${hatch})`} />
            <line x1={left} x2={right} y1={bottom - (proposed ? 6 : 1.5)} y2={bottom - (proposed ? 6 : 1.5)} className={`${style.mark} ${proposed ? style.proposed : ''}`} />
          </g>
        )
      })}
      {curves.map((curve) => (
        <path key={`${curve.model} ${curve.proposed}`} d={lineOf(curve.values, places, x, y)} className={classOf(curve)} />
      ))}
      <Here here={here} curves={curves} x={x} y={y} bottom={bottom} />
    </svg>
  )
}

/** What was measured, behind what is predicted. It changes rarely, and is many elements. */
function Dots({ data, x, y }: { data: Props['data']; x: Scale; y: Scale }) {
  const shape = data
    .filter(([vx, vy]) => vx >= x.min && vx <= x.max && vy >= y.min && vy <= y.max)
    .map(([vx, vy]) => `M${x.toPixel(vx).toFixed(1)} ${y.toPixel(vy).toFixed(1)}h0`)
    .join('')
  return <path d={shape} className={style.dots} />
}

/** What lies between the lowest and the highest quantile. */
function Band({ curves, places, x, y }: { curves: Drawn[]; places: number[]; x: Scale; y: Scale }) {
  const ordered = byQuantile(curves.filter((c) => !c.proposed))
  const [low, high] = [ordered[0], ordered.at(-1)]
  if (!low || !high || low === high) return null
  const forth = lineOf(high.values, places, x, y)
  const back = lineOf(low.values.toReversed(), places.toReversed(), x, y).replace('M', 'L')
  return <path d={`${forth}${back}Z`} className={style.band} />
}

function Here({ here, curves, x, y, bottom }: { here: number; curves: Drawn[]; x: Scale; y: Scale; bottom: number }) {
  if (here < x.min || here > x.max) return null
  const at = x.toPixel(here)
  return (
    <>
      <line x1={at} x2={at} y1={margin.top} y2={bottom} className={style.here} />
      {curves
        .filter((c) => Number.isFinite(c.here))
        .map((c) => (
          <circle key={`${c.model} ${c.proposed}`} cx={at} cy={y.toPixel(c.here)} r={c.strong ? 5.5 : 4} className={`${classOf(c)} ${style.point}`} />
        ))}
    </>
  )
}

function classOf({ colour, strong, proposed }: Drawn): string {
  return [style.curve, style[`colour${(colour % 5) + 1}`], strong && style.strong, proposed && style.proposed].filter(Boolean).join(' ')
}

function lineOf(values: number[], places: number[], x: Scale, y: Scale): string {
  let pen = 'M'
  let line = ''
  values.forEach((value, i) => {
    if (!Number.isFinite(value)) {
      pen = 'M'
      return
    }
    line += `${pen}${x.toPixel(places[i]!).toFixed(1)} ${y.toPixel(value).toFixed(1)}`
    pen = 'L'
  })
  return line
}

/** What y spans: what is known of it, all curves, and the data. */
function useScaleOfY(curves: Drawn[], data: Props['data'], range: Props['range'], height: number): Scale {
  return useMemo(() => {
    const all = [...curves.flatMap((c) => [...c.values, c.here]), ...data.map(([, y]) => y), ...(range ? [range.min, range.max] : [])].filter(Number.isFinite)
    const [min, max] = all.length > 0 ? [Math.min(...all), Math.max(...all)] : [0, 1]
    return roundScale(min, max, height - margin.bottom, margin.top, height < 320 ? 5 : 7)
  }, [curves, data, range, height])
}
