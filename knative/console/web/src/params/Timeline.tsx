import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react'
import { useFormat } from '../i18n/format'
import { useWords } from '../i18n/language'
import { Pill } from '../ui/Pill'
import style from './History.module.css'
import type { History } from './useHistory'
import { paramsWords } from './words'

/** The height of a row in rem: of its two lines, however large one reads. All have the same, so that where each one is needs no layout. */
const rowRem = 3.625

/** Rows that are drawn beyond what is seen. */
const beyond = 6

const page = 6

interface Props {
  history: History
  newest: number
  /** 0: none. */
  current: number
  chosen: number
  onChoose: (version: number) => void
}

/** The versions on a line, the newest on top. Only those that are seen are drawn and loaded, whatever their number. */
export function Timeline({ history, newest, current, chosen, onChoose }: Props) {
  const w = useWords(paramsWords)
  const ref = useRef<HTMLDivElement>(null)
  const id = useId()
  const [rowHeight] = useState(() => rowRem * (Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16))
  const [view, setView] = useState({ top: 0, height: 400 })
  const first = Math.max(0, Math.floor(view.top / rowHeight) - beyond)
  const last = Math.min(newest - 1, Math.ceil((view.top + view.height) / rowHeight) + beyond)
  const { want } = history

  useEffect(() => {
    if (newest > 0) want(newest - last, newest - first)
  }, [want, newest, first, last])

  useEffect(() => {
    const box = ref.current
    if (!box || chosen < 1) return
    const top = (newest - chosen) * rowHeight
    if (top < box.scrollTop) box.scrollTop = top
    else if (top + rowHeight > box.scrollTop + box.clientHeight) box.scrollTop = top + rowHeight - box.clientHeight
  }, [chosen, newest, rowHeight])

  function move(event: KeyboardEvent) {
    const from = chosen || newest + 1
    const to = { ArrowDown: from - 1, ArrowUp: from + 1, PageDown: from - page, PageUp: from + page, Home: newest, End: 1 }[event.key]
    if (to === undefined) return
    event.preventDefault()
    onChoose(Math.min(newest, Math.max(1, to)))
  }

  const versions = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => newest - first - i)
  return (
    <div
      ref={ref}
      className={style.scroll}
      role="listbox"
      tabIndex={0}
      aria-label={w.history}
      aria-activedescendant={versions.includes(chosen) ? `${id}-${chosen}` : undefined}
      onKeyDown={move}
      onClick={(event) => {
        const row = (event.target as Element).closest<HTMLElement>('[data-version]')
        if (row) onChoose(Number(row.dataset.version))
      }}
      onScroll={(event) => setView({ top: event.currentTarget.scrollTop, height: event.currentTarget.clientHeight })}
    >
      <div className={style.all} role="presentation" style={{ height: newest * rowHeight }}>
        {versions.map((version) => (
          <Row
            key={version}
            id={`${id}-${version}`}
            version={version}
            newest={newest}
            height={rowHeight}
            document={history.get(version)}
            current={version === current}
            chosen={version === chosen}
          />
        ))}
      </div>
    </div>
  )
}

interface RowProps {
  id: string
  version: number
  newest: number
  /** Pixels. */
  height: number
  document: ReturnType<History['get']>
  current: boolean
  chosen: boolean
}

function Row({ id, version, newest, height, document, current, chosen }: RowProps) {
  const w = useWords(paramsWords)
  const { ago } = useFormat()
  return (
    <div
      id={id}
      role="option"
      tabIndex={-1}
      aria-selected={chosen}
      aria-posinset={newest - version + 1}
      aria-setsize={newest}
      className={style.row}
      style={{ height, transform: `translateY(${(newest - version) * height}px)` }}
      data-version={version}
    >
      <span className={[style.mark, current && style.isCurrent, document?.held && style.isHeld].filter(Boolean).join(' ')} aria-hidden="true" />
      <span className={style.line}>
        <strong className="numbers">{w.version(version)}</strong>
        {current && <Pill tone="accent">{w.current}</Pill>}
        {document?.held && <Pill tone="warn">{w.held}</Pill>}
        <span className={style.text}>{document?.message}</span>
      </span>
      <span className={style.text}>{document ? w.by(document.author ?? w.nobody, ago(document.created ?? 0)) : '…'}</span>
    </div>
  )
}
