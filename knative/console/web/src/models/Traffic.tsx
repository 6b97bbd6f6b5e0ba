import type { Revision } from '../contract'
import { useWords } from '../i18n/language'
import { Pill } from '../ui/Pill'
import style from './Traffic.module.css'
import { modelsWords } from './words'

/** A bar of how the traffic is split, and below it each revision that has some of it or a tag. */
export function Traffic({ revisions }: { revisions: Revision[] }) {
  const w = useWords(modelsWords)
  const shown = revisions.filter((r) => r.percent > 0 || r.tags.length > 0)
  if (shown.length === 0) return null
  const before = (i: number) => shown.slice(0, i).reduce((sum, r) => sum + r.percent, 0)
  return (
    <div className={style.traffic}>
      <svg className={style.bar} viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
        <rect width="100" height="1" className={style.none} />
        {shown.map(({ name, percent }, i) => (
          <rect key={name} x={before(i)} width={Math.max(0, percent - (before(i) + percent < 100 ? 0.6 : 0))} height="1" className={style[`share${(i % 4) + 1}`]} />
        ))}
      </svg>
      <ul className={style.list}>
        {shown.map((revision, i) => (
          <li key={revision.name}>
            <span className={`${style.mark} ${style[`share${(i % 4) + 1}`]}`} aria-hidden="true" />
            <span className={style.name}>{revision.name}</span>
            {revision.tags.map((tag) => (
              <Pill key={tag} tone="accent">
                {tag}
              </Pill>
            ))}
            {!revision.ready && <Pill tone="bad">{w.notReady}</Pill>}
            <span className={style.percent}>{revision.percent} %</span>
          </li>
        ))}
      </ul>
    </div>
  )
}
