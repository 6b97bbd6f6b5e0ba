import type { ReactNode } from 'react'
import style from './Pill.module.css'

/** A word about a state; the tone says how it is, and the word says it too. */
export function Pill({ tone = 'calm', dot = false, children }: { tone?: 'good' | 'warn' | 'bad' | 'calm' | 'accent'; dot?: boolean; children: ReactNode }) {
  return (
    <span className={`${style.pill} ${style[tone]}`}>
      {dot && <span className={style.dot} aria-hidden="true" />}
      {children}
    </span>
  )
}
