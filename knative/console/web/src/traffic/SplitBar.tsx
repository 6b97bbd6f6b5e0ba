import { useWords } from '../i18n/language'
import style from './SplitBar.module.css'
import { trafficWords } from './words'

/** Shares as one bar; a revision has the same colour in every bar of the page. */
export function SplitBar({ label, shares }: { label: string; shares: { revision: string; percent: number; colour: number }[] }) {
  const w = useWords(trafficWords)
  const shown = shares.filter((s) => s.percent > 0)
  const whole = Math.max(100, shown.reduce((sum, s) => sum + s.percent, 0))
  const before = (i: number) => shown.slice(0, i).reduce((sum, s) => sum + s.percent, 0)
  return (
    <div className={style.line}>
      <span className={style.label} aria-hidden="true">
        {label}
      </span>
      <svg className={style.bar} viewBox={`0 0 ${whole} 1`} preserveAspectRatio="none" role="img" aria-label={`${label}. ${w.bar(shown.map((s) => `${s.revision} ${s.percent} %`).join(', '))}`}>
        <rect width={whole} height="1" className={style.none} />
        {shown.map(({ revision, percent, colour }, i) => (
          <rect key={revision} x={before(i)} width={Math.max(0.2, percent - 0.4)} height="1" className={style[colourOf(colour)]} />
        ))}
      </svg>
    </div>
  )
}

export function Mark({ colour }: { colour: number }) {
  return (
    <svg className={style.mark} viewBox="0 0 10 10" aria-hidden="true">
      <rect width="10" height="10" rx="3" className={style[colourOf(colour)]} />
    </svg>
  )
}

function colourOf(index: number): string {
  return `colour${(index % 5) + 1}`
}
