import style from './Spark.module.css'

/** A line of a small chart. null leaves a gap. */
export interface SparkLine {
  values: (number | null)[]
  look: 'strong' | 'faint' | 'bad'
  /** The area below it is filled. */
  filled?: boolean
}

const wide = 240
const high = 44

/** A small chart without axes, from zero to the largest value. `label` says what it shows to those who do not see it. */
export function Spark({ lines, label }: { lines: SparkLine[]; label: string }) {
  const top = Math.max(1e-9, ...lines.flatMap((l) => l.values.map((v) => v ?? 0)))
  return (
    <svg className={style.spark} viewBox={`0 0 ${wide} ${high}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <line x1="0" x2={wide} y1={high - 1} y2={high - 1} className={style.zero} />
      {lines.map(({ values, look, filled }) => (
        <g key={look} className={style[look]}>
          {filled && <path d={areaOf(values, top)} className={style.area} />}
          <path d={lineOf(values, top)} className={style.line} />
        </g>
      ))}
    </svg>
  )
}

const x = (i: number, n: number) => ((i / Math.max(1, n - 1)) * wide).toFixed(1)
const y = (value: number, top: number) => (high - 1 - (value / top) * (high - 4)).toFixed(1)

function lineOf(values: (number | null)[], top: number): string {
  let pen = 'M'
  let line = ''
  values.forEach((value, i) => {
    if (value === null) {
      pen = 'M'
      return
    }
    line += `${pen}${x(i, values.length)} ${y(value, top)}`
    if (pen === 'M' && (values[i + 1] ?? null) === null) line += 'h0.1' // a lone value is a dot
    pen = 'L'
  })
  return line
}

function areaOf(values: (number | null)[], top: number): string {
  const line = values.map((v, i) => `L${x(i, values.length)} ${y(v ?? 0, top)}`).join('')
  return `M0 ${high - 1}${line}L${wide} ${high - 1}Z`
}
