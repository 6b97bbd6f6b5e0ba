import type { ModelInfo } from '../contract'
import { useWords } from '../i18n/language'
import { useLive } from '../live/live'
import { pinnedOf, type Standing, standingOf } from '../live/replicas'
import style from './Replicas.module.css'
import { modelsWords } from './words'

/** How many dots are drawn at most; the words beside them have the number. */
const most = 12

/** A dot for each replica, and in words how many are on the current version: "3 of 4 on v17, 1 catching up". */
export function Replicas({ model }: { model: ModelInfo }) {
  return (
    <div className={style.replicas}>
      <Said model={model} />
    </div>
  )
}

function Said({ model }: { model: ModelInfo }) {
  const w = useWords(modelsWords)
  const event = useLive((l) => l.replicas[model.name])
  if (model.state === 'zero') return <>{w.zero}</> // the registry knows those that end a while longer
  if (!event) return <>{w.unknownReplicas}</>
  const standing = standingOf(event, pinnedOf(model))
  if (standing.all.length === 0) return <>{w.noReplicas}</>
  const parts = [
    w.onVersion(standing.onVersion, standing.all.length, event.version),
    standing.catchingUp > 0 && w.catchingUp(standing.catchingUp),
    standing.rejected.length > 0 && w.rejected(standing.rejected.length),
    standing.stale > 0 && w.stale(standing.stale),
  ].filter((p) => p !== false)
  const error = standing.rejected.find((r) => r.error)?.error
  return (
    <>
      <span className={style.dots} aria-hidden="true">
        {looks(standing)
          .slice(0, most)
          .map((look, i) => (
            <span key={i} className={style[look]} />
          ))}
      </span>
      <span>{parts.join(w.comma)}</span>
      {error && <code className={style.error}>{error}</code>}
    </>
  )
}

function looks({ onVersion, stale, catchingUp, rejected }: Standing): ('on' | 'stale' | 'late' | 'rejected')[] {
  const times = <T,>(n: number, value: T) => Array.from({ length: n }, () => value)
  return [...times(onVersion, 'on' as const), ...times(stale, 'stale' as const), ...times(catchingUp, 'late' as const), ...times(rejected.length, 'rejected' as const)]
}
