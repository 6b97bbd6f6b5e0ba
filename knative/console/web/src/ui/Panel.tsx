import { type ReactNode, useId } from 'react'
import style from './Panel.module.css'

/** A part of a page, on a surface of its own, under its title. */
export function Panel({ title, aside, children, className = '' }: { title: string; aside?: ReactNode; children: ReactNode; className?: string }) {
  const id = useId()
  return (
    <section className={`${style.panel} ${className}`} aria-labelledby={id}>
      <header className={style.header}>
        <h2 id={id}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  )
}
