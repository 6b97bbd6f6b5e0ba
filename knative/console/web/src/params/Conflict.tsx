import { useEffect, useId, useRef, useState } from 'react'
import type { Tagged } from '../api'
import type { Document } from '../contract'
import { useFormat } from '../i18n/format'
import { useWords } from '../i18n/language'
import { Button } from '../ui/Button'
import { Pill } from '../ui/Pill'
import { Table } from '../ui/Table'
import { conflictOf, type Content, resolved } from './conflict'
import style from '../ui/Conflict.module.css'
import { shortPath, Value } from './DiffTable'
import { firstSide, type Side } from './merge'
import { paramsWords } from './words'

interface Props {
  base: Document
  mine: Content
  theirs: Tagged
  /** Called with what shall be proposed on top of theirs. */
  onResolve: (content: Content) => void
  onClose: () => void
}

/** Two people changed the same document: who made what of each place, and which of it shall hold. */
export function Conflict({ base, mine, theirs, onResolve, onClose }: Props) {
  const w = useWords(paramsWords)
  const { ago } = useFormat()
  const places = conflictOf(base, mine, theirs.document)
  const [chosen, setChosen] = useState<Record<string, Side>>({})
  const sides = Object.fromEntries(places.map((c) => [c.path, chosen[c.path] ?? firstSide(c)]))
  const title = useRef<HTMLHeadingElement>(null)
  const id = useId()
  useEffect(() => title.current?.focus(), [])
  const { version, author = w.nobody, created = '', message } = theirs.document
  const all = (side: Side) => onResolve(resolved(mine, theirs.document, Object.fromEntries(places.map((c) => [c.path, side]))))

  return (
    <section className={style.box} aria-labelledby={id}>
      <h3 id={id} ref={title} tabIndex={-1} className={style.title}>
        {w.conflict}
      </h3>
      <p>
        {w.conflictLead(version, author, ago(created))} {message && <q>{message}</q>} {w.conflictWhat}
      </p>
      {places.length === 0 ? (
        <p>{w.sameMade}</p>
      ) : (
        <Table name={w.conflict} columns={[w.place, w.began, w.mine, w.theirs(author)]}>
          {places.map((c) => (
            <tr key={c.path}>
              <th scope="row">
                <code>{shortPath(c.path)}</code> {c.who === 'both' && <Pill tone="warn">{w.both}</Pill>}
              </th>
              <td className={style.base}>
                <Value of={c.base} path={c.path} />
              </td>
              {(['mine', 'theirs'] as const).map((side) => (
                <td key={side}>
                  <label className={style.side}>
                    <input
                      type="radio"
                      name={`${id}${c.path}`}
                      checked={sides[c.path] === side}
                      aria-label={`${shortPath(c.path)}: ${side === 'mine' ? w.mine : w.theirs(author)}`}
                      onChange={() => setChosen({ ...chosen, [c.path]: side })}
                    />
                    <Value of={c[side]} path={c.path} />
                  </label>
                </td>
              ))}
            </tr>
          ))}
        </Table>
      )}
      <div className={style.actions}>
        <Button look="primary" onClick={() => onResolve(resolved(mine, theirs.document, sides))}>
          {w.goOn}
        </Button>
        <Button onClick={() => all('mine')}>{w.keepMine}</Button>
        <Button onClick={() => all('theirs')}>{w.takeTheirs}</Button>
        <Button look="quiet" onClick={onClose}>
          {w.notNow}
        </Button>
      </div>
    </section>
  )
}
