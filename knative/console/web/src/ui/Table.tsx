import type { ReactNode } from 'react'
import { Scroll } from './Scroll'
import style from './Table.module.css'

interface Props {
  /** What it is, for a screen reader. */
  name: string
  /** The names of the columns. */
  columns: ReactNode[]
  /** All columns but the first are figures, and stand to the right. */
  figures?: boolean
  /** The rows; the first cell of each is its head. */
  children: ReactNode
}

/** A table of a few rows, a line between each two. */
export function Table({ name, columns, figures = false, children }: Props) {
  return (
    <Scroll name={name} className={style.frame}>
      <table aria-label={name} className={`${style.table} ${figures ? style.figures : ''}`}>
        <thead>
          <tr>
            {columns.map((name, i) => (
              <th key={i} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </Scroll>
  )
}
