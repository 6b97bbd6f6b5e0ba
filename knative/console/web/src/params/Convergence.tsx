import type { Ref } from 'react'
import type { ModelInfo } from '../contract'
import { useFormat } from '../i18n/format'
import { useWords } from '../i18n/language'
import { Button } from '../ui/Button'
import { Icon } from '../ui/Icon'
import { Notice } from '../ui/Notice'
import { type Convergence as State, dropConvergence, useConvergence } from './convergence'
import style from './Convergence.module.css'
import { paramsWords } from './words'

interface Props {
  model: ModelInfo
  /** Where the focus may go on. */
  title: Ref<HTMLParagraphElement>
  onClosed: () => void
}

/** How the replicas follow to what was saved: each as it comes, and how long the last one took. */
export function Convergence(props: Props) {
  const state = useConvergence(props.model.name)
  return state ? <Shown {...props} state={state} /> : null
}

function Shown({ model, title, state, onClosed }: Props & { state: State }) {
  const w = useWords(paramsWords)
  const { milliseconds } = useFormat()
  const { version, replicas, seen, took, overtaken } = state
  const there = Object.keys(seen).length
  const rejected = replicas.filter((r) => r.state === 'rejected')
  return (
    <section className={style.box} data-took={took === undefined ? undefined : Math.round(took)}>
      <header className={style.head}>
        <p role="status" ref={title} tabIndex={-1} className={style.title}>
          {took !== undefined && <Icon name="check" />}
          <strong>{took === undefined ? waiting() : w.converged(replicas.length, version)}</strong>
          {took !== undefined && <span className={style.time}>{w.afterTime(milliseconds(took))}</span>}
        </p>
        <Button look="quiet" aria-label={w.close} onClick={() => (dropConvergence(model.name), onClosed())}>
          <Icon name="close" />
        </Button>
      </header>
      {replicas.length > 0 && (
        <ol className={style.replicas}>
          {replicas.map((r) => (
            <li key={r.name} className={r.name in seen ? style.there : r.state === 'rejected' ? style.rejected : style.coming}>
              <span className={style.bar} aria-hidden="true" />
              <span className={style.name}>{r.name}</span>
              <span>{r.name in seen ? milliseconds(seen[r.name]!) : `v${r.version}`}</span>
            </li>
          ))}
        </ol>
      )}
      {took !== undefined && <p className={style.caption}>{w.sinceClick}</p>}
      {overtaken > 0 && <p className={style.caption}>{w.wentOn(overtaken)}</p>}
      {rejected.length > 0 && (
        <Notice tone="bad" title={w.rejectedBy(rejected.length)}>
          <code>{rejected[0]!.error}</code>
        </Notice>
      )}
    </section>
  )

  function waiting() {
    if (replicas.length > 0) return w.converging(there, replicas.length, version)
    return model.kind === 'component' ? w.componentSaved(version) : w.noReplica(version)
  }
}
