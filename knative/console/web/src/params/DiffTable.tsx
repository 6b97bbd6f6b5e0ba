import { useFormat } from '../i18n/format'
import { useWords } from '../i18n/language'
import { Table } from '../ui/Table'
import type { Change } from './diff'
import style from './DiffTable.module.css'
import { paramsWords } from './words'

/** What differs, place by place. */
export function DiffTable({ changes, label }: { changes: Change[]; label: string }) {
  const w = useWords(paramsWords)
  const { number } = useFormat()
  return (
    <Table name={label} columns={[w.place, w.before, w.after]}>
      {changes.map(({ path, before, after }) => (
        <tr key={path}>
          <th scope="row">
            <code>{shortPath(path)}</code>
          </th>
          <td className={style.before}>
            <Value of={before} path={path} />
          </td>
          <td className={style.after}>
            <Value of={after} path={path} />
            {typeof before === 'number' && typeof after === 'number' && !path.startsWith('requires') && (
              <span className={style.delta}>
                {after > before ? '+' : '−'}
                {number(Math.abs(after - before), 4)}
              </span>
            )}
          </td>
        </tr>
      ))}
    </Table>
  )
}

/** A value as a person reads it; the version of a component has its v. */
export function Value({ of, path }: { of: unknown; path: string }) {
  const w = useWords(paramsWords)
  if (of === undefined) return <span className={style.nothing}>{w.nothing}</span>
  const text = typeof of === 'string' ? of : JSON.stringify(of)
  return <span className={style.value}>{path.startsWith('requires') && typeof of === 'number' ? `v${text}` : text}</span>
}

/** A path without what is the same in all of them. */
export function shortPath(path: string): string {
  return path.replace(/^params\.?(?=.)/, '').replace(/^requires\./, '')
}
