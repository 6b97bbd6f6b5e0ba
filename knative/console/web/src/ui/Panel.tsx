import { type ReactNode, type Ref, useId } from 'react'
import style from './Panel.module.css'

interface Props {
  title: string
  /** The title, where the focus may go on. */
  heading?: Ref<HTMLHeadingElement>
  aside?: ReactNode
  children: ReactNode
  className?: string
}

/** A part of a page, on a surface of its own, under its title. */
export function Panel({ title, heading, aside, children, className = '' }: Props) {
  const id = useId()
  return (
    <section className={`${style.panel} ${className}`} aria-labelledby={id}>
      <header className={style.header}>
        <h2 id={id} ref={heading} tabIndex={heading ? -1 : undefined}>
          {title}
        </h2>
        {aside}
      </header>
      {children}
    </section>
  )
}
