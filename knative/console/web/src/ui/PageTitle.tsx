import { type ReactNode, useEffect, useRef } from 'react'
import style from './PageTitle.module.css'

/** Whether the page has been at a place before; the first title leaves the focus to the browser. */
let arrived = false

/** The title of a place. It takes the focus when one comes there, so that it is read out, and goes to the tab's title. */
export function PageTitle({ title, children, lead }: { title: string; children?: ReactNode; lead?: ReactNode }) {
  const ref = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} · modelfn`
  }, [title])
  useEffect(() => {
    if (arrived) {
      ref.current?.focus({ preventScroll: true })
      window.scrollTo(0, 0)
    }
    arrived = true
  }, [])
  return (
    <header className={style.header}>
      <div className={style.row}>
        <h1 ref={ref} tabIndex={-1}>
          {title}
        </h1>
        {children}
      </div>
      {lead && <p className={style.lead}>{lead}</p>}
    </header>
  )
}
