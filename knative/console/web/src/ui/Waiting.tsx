import type { ReactNode } from 'react'
import { useWords } from '../i18n/language'
import { Notice, TroubleNotice } from './Notice'
import type { Asked } from './useAsk'
import style from './Waiting.module.css'
import { uiWords } from './words'

/** A place that is held for what is to come, so that nothing moves when it does. */
export function Placeholder({ lines = 3 }: { lines?: number }) {
  const w = useWords(uiWords)
  return (
    <div className={style.placeholder} role="status">
      <span className="unseen">{w.loading}</span>
      {Array.from({ length: lines }, (_, i) => (
        <span key={i} className={style.line} aria-hidden="true" />
      ))}
    </div>
  )
}

/** What was asked for, when it is there; until then how it stands, and what to do. */
export function Waiting<T>({ asked, children, lines }: { asked: Asked<T>; children: (data: T) => ReactNode; lines?: number }) {
  const w = useWords(uiWords)
  return (
    <>
      {asked.trouble && <TroubleNotice trouble={asked.trouble} retry={asked.retry} />}
      {asked.slow && <Notice>{w.slow}</Notice>}
      {asked.data !== undefined ? children(asked.data) : asked.waiting && <Placeholder lines={lines} />}
    </>
  )
}
