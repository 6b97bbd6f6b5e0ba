import { useEffect, useId, useRef } from 'react'
import type { Revision, TrafficSet } from '../contract'
import { useWords } from '../i18n/language'
import style from '../ui/Conflict.module.css'
import { Button } from '../ui/Button'
import { Pill } from '../ui/Pill'
import { Table } from '../ui/Table'
import type { Edits } from './edits'
import { percentIn, type Row, rowsOf, tagsIn } from './split'
import { WhoSet } from './WhoSet'
import { trafficWords } from './words'

interface Props {
  began: Edits['began']
  mine: Row[]
  revisions: Revision[]
  set: TrafficSet | undefined
  onMine: () => void
  onTheirs: () => void
  onClose: () => void
}

/** Two people changed the traffic: what each made of it, and whose shall hold. Shares add up to a whole, and so are not chosen one by one. */
export function TrafficConflict({ began, mine, revisions, set, onMine, onTheirs, onClose }: Props) {
  const w = useWords(trafficWords)
  const title = useRef<HTMLHeadingElement>(null)
  const id = useId()
  useEffect(() => title.current?.focus(), [])
  const rows = rowsOf(revisions).map((now) => {
    const [first, own, theirs] = [began?.[now.revision], mine.find((r) => r.revision === now.revision), now].map(shareOf)
    return { revision: now.revision, first, own, theirs, both: own !== first && theirs !== first && own !== theirs }
  })
  return (
    <section className={style.box} aria-labelledby={id}>
      <h3 id={id} ref={title} tabIndex={-1} className={style.title}>
        {w.conflict}
      </h3>
      <p>
        {set && <WhoSet set={set} />} {w.conflictLead}
      </p>
      <Table name={w.conflict} columns={[w.revision, w.began, w.mine, w.now]}>
        {rows
          .filter(({ first, own, theirs }) => own !== first || theirs !== first)
          .map(({ revision, first, own, theirs, both }) => (
            <tr key={revision}>
              <th scope="row">
                {revision} {both && <Pill tone="warn">{w.both}</Pill>}
              </th>
              <td className={style.base}>{first || w.nothing}</td>
              <td>{own}</td>
              <td>{theirs}</td>
            </tr>
          ))}
      </Table>
      <div className={style.actions}>
        <Button look="primary" onClick={onMine}>
          {w.keepMine}
        </Button>
        <Button onClick={onTheirs}>{w.takeTheirs}</Button>
        <Button look="quiet" onClick={onClose}>
          {w.notNow}
        </Button>
      </div>
    </section>
  )
}

function shareOf(row: Pick<Row, 'percent' | 'tags'> | undefined): string {
  if (!row) return ''
  const percent = percentIn(row.percent)
  return [`${Number.isNaN(percent) ? row.percent : percent} %`, ...tagsIn(row.tags).toSorted()].join(' ')
}
