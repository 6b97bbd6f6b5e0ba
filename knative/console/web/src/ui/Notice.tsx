import { createContext, type ReactNode, useContext } from 'react'
import { revive } from '../again'
import { useWords } from '../i18n/language'
import type { Trouble } from '../trouble'
import { Button } from './Button'
import style from './Notice.module.css'
import { troubleWords } from './words'

/** Something that the person should know, where it belongs. What is bad is read out at once, the rest when there is time. */
export function Notice({ tone = 'calm', title, children, action }: { tone?: 'calm' | 'good' | 'warn' | 'bad'; title?: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className={`${style.notice} ${style[tone]}`} role={tone === 'bad' ? 'alert' : 'status'}>
      <div className={style.text}>
        {title && <strong>{title}</strong>}
        {children && <div>{children}</div>}
      </div>
      {action}
    </div>
  )
}

/** What lets a person sign in, to be shown where a token is missing or no longer good. */
export const WayIn = createContext<ReactNode>(null)

/** What went wrong with a request, in the person's words, with what the server said, and a way to try again. */
export function TroubleNotice({ trouble, retry, title }: { trouble: Trouble; retry?: () => void; title?: string }) {
  const w = useWords(troubleWords)
  const wayIn = useContext(WayIn)
  if (trouble.kind === 'stopped') return null
  const again = retry && (trouble.kind === 'gone' ? () => void revive().then(retry) : retry)
  const action = (
    <>
      {trouble.kind === 'signIn' && wayIn}
      {again && <Button onClick={again}>{w.retry}</Button>}
    </>
  )
  return (
    <Notice tone="bad" title={title ?? w[trouble.kind]} action={action}>
      {title && <p>{w[trouble.kind]}</p>}
      {trouble.status !== undefined && trouble.message && (
        <p>
          {w.said} <code>{trouble.message}</code>
        </p>
      )}
      {trouble.retryAfter !== undefined && <p>{w.after(trouble.retryAfter)}</p>}
      {trouble.id && (
        <p className={style.id}>
          {w.id} <code>{trouble.id}</code>
        </p>
      )}
    </Notice>
  )
}
