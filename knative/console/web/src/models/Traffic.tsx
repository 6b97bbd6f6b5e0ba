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
  // The largest share has the page's colour, wherever it stands.
  const rank = shown.toSorted((a, b) => b.percent - a.percent)
  const colour = (revision: Revision) => style[`share${(rank.indexOf(revision) % 4) + 1}`]
  const before = (i: number) => shown.slice(0, i).reduce((sum, r) => sum + r.percent, 0)
  return (
    <div className={style.traffic}>
      <svg className={style.bar} viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
        <rect width="100" height="1" className={style.none} />
        {shown.map((revision, i) => (
          <rect key={revision.name} x={before(i)} width={Math.max(0, revision.percent - (before(i + 1) < 100 ? 0.6 : 0))} height="1" className={colour(revision)} />
        ))}
      </svg>
      <ul className={style.list}>
        {shown.map((revision) => (
          <li key={revision.name}>
            <span className={`${style.mark} ${colour(revision)}`} aria-hidden="true" />
            <span className={style.what}>
              <span className={style.name}>{revision.name}</span>
              {revision.tags.map((tag) => (
                <Pill key={tag} tone="accent">
                  {tag}
                </Pill>
              ))}
              {!revision.ready && <Pill tone="bad">{w.notReady}</Pill>}
            </span>
            <span className={style.percent}>{revision.percent} %</span>
          </li>
        ))}
      </ul>
    </div>
  )
}
