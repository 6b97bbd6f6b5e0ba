import { type ChangeEvent, type DragEvent, useId, useMemo, useRef, useState } from 'react'
import type { ModelInfo } from '../contract'
import { useFormat } from '../i18n/format'
import { useWords } from '../i18n/language'
import { useModelName } from '../i18n/names'
import { Button } from '../ui/Button'
import { Icon } from '../ui/Icon'
import { Notice } from '../ui/Notice'
import { Panel } from '../ui/Panel'
import { Scroll } from '../ui/Scroll'
import { useAsk } from '../ui/useAsk'
import { usePaced } from '../ui/usePaced'
import { Waiting } from '../ui/Waiting'
import { askMany, type Many as Answered } from './askMany'
import { useForm } from './input'
import style from './Many.module.css'
import { manyWords } from './manyWords'
import type { Element } from './signature'
import { type Flaw, parseTable, writeCsv } from './table'
import { longestKept } from '../session/inputs'

/** Rows of the answers that are shown; the download has all. */
const shown = 50

/** Many inputs at once: paste a table or drop a file, see the answers of the family, take them along. */
export function Many({ model, family, inputs }: { model: ModelInfo; family: ModelInfo[]; inputs: Element[] }) {
  const w = useWords(manyWords)
  const id = useId()
  const file = useRef<HTMLInputElement>(null)
  const area = useRef<HTMLTextAreaElement>(null)
  const { table: text, former, paste: setText, replace, undo, fill, output } = useForm(model, inputs)
  const [over, setOver] = useState(false)
  const [unreadable, setUnreadable] = useState('')
  const paced = usePaced(text, 400)
  const parsed = useMemo(() => (paced.trim() === '' ? undefined : parseTable(paced, inputs)), [paced, inputs])
  const rows = parsed?.rows
  const key = rows ? `${model.name} ${output} ${family.map((m) => m.params?.version).join()} ${paced}` : ''
  const asked = useAsk(key, (signal) => askMany(model, family, rows ?? [], output, signal))

  /** A folder is no file that can be read, and one that can may be gone or locked by now. */
  async function take(from: File | undefined) {
    if (!from) return
    const read = await from.text().catch(() => undefined)
    setUnreadable(read === undefined ? from.name : '')
    if (read !== undefined) replace(read)
  }

  function choose({ currentTarget }: ChangeEvent<HTMLInputElement>) {
    void take(currentTarget.files?.[0])
    currentTarget.value = '' // so that the same file can be chosen again, once it is another
  }

  /** Text that is dragged is for the browser to drop. */
  const withFile = (act: (event: DragEvent) => void) => (event: DragEvent) => {
    if (!event.dataTransfer.types.includes('Files')) return
    event.preventDefault()
    act(event)
  }

  return (
    <Panel title={w.title}>
      <div
        className={`${style.drop} ${over ? style.over : ''}`}
        onDragOver={withFile(() => setOver(true))}
        onDragLeave={() => setOver(false)}
        onDrop={withFile((event) => (setOver(false), void take(event.dataTransfer.files[0])))}
      >
        <label htmlFor={id}>{w.paste}</label>
        <textarea
          ref={area}
          id={id}
          className={style.text}
          rows={4}
          spellCheck={false}
          value={text}
          placeholder={`${inputs.map((e) => e.name).join(',')}\n${inputs.map((e) => e.range?.min ?? 0).join(',')}\n${inputs.map((e) => e.range?.max ?? 1).join(',')}`}
          aria-invalid={parsed?.flaws ? true : undefined}
          aria-describedby={parsed?.flaws ? `${id}-flaws ${id}-hint` : `${id}-hint`}
          onChange={(event) => setText(event.target.value)}
        />
        <div className={style.tools}>
          <p id={`${id}-hint`} className={style.hint}>
            {w.hint} {text.length > longestKept && w.notKept}
          </p>
          <input ref={file} type="file" accept=".csv,.tsv,.txt,.json" hidden onChange={choose} />
          {former !== undefined && former !== text && (
            <Button look="quiet" onClick={() => (undo(), area.current?.focus())}>
              {w.undo}
            </Button>
          )}
          {text !== '' && (
            <Button look="quiet" onClick={() => (setText(''), area.current?.focus())}>
              {w.clear}
            </Button>
          )}
          <Button onClick={() => file.current?.click()}>
            <Icon name="up" /> {w.file}
          </Button>
        </div>
      </div>
      {unreadable && <Notice tone="bad" title={w.unreadable(unreadable)} />}
      {parsed?.flaws && <Flaws id={`${id}-flaws`} flaws={parsed.flaws} />}
      {key !== '' && (
        <Waiting asked={asked} lines={4}>
          {(many) => <Answers model={model} many={many} inputs={inputs} onLook={fill} />}
        </Waiting>
      )}
    </Panel>
  )
}

function Flaws({ id, flaws }: { id: string; flaws: Flaw[] }) {
  const w = useWords(manyWords)
  return (
    <Notice tone="bad" title={w.wrong}>
      <ul id={id}>
        {flaws.map((flaw, i) => (
          <li key={i}>{w.flaw(flaw)}</li>
        ))}
      </ul>
    </Notice>
  )
}

function Answers({ model, many, inputs, onLook }: { model: ModelInfo; many: Answered; inputs: Element[]; onLook: (row: number[]) => void }) {
  const w = useWords(manyWords)
  const modelName = useModelName()
  const { number } = useFormat()
  const { rows, columns } = many
  const versions = columns.map((c) => w.version(modelName(c.model), [...new Set(c.versions)].map((v) => `v${v}`).join(', ')))
  return (
    <>
      <div className={style.summary}>
        <p role="status">
          <strong>{w.rows(number(rows.length))}</strong> <span className={style.hint}>{versions.join(' · ')}</span>
        </p>
        <span className={style.tools}>
          <Button onClick={() => download(`${model.name}.csv`, 'text/csv', csvOf(many, inputs))}>
            <Icon name="down" /> CSV
          </Button>
          <Button onClick={() => download(`${model.name}.json`, 'application/json', jsonOf(many, inputs))}>
            <Icon name="down" /> JSON
          </Button>
        </span>
      </div>
      <Scroll name={w.answers} className={style.scroll}>
        <table aria-label={w.answers} className={style.table}>
          <thead>
            <tr>
              <th scope="col">#</th>
              {inputs.map((e) => (
                <th key={e.name} scope="col">
                  {e.name}
                </th>
              ))}
              {columns.map((c) => (
                <th key={c.model} scope="col" className={style.answer}>
                  {modelName(c.model)}
                </th>
              ))}
              <th scope="col">
                <span className="unseen">{w.look}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, shown).map((row, i) => (
              <tr key={i}>
                <td>{i + 1}</td>
                {row.map((value, j) => (
                  <td key={j}>{number(value, 4)}</td>
                ))}
                {columns.map((c) => (
                  <td key={c.model} className={style.answer}>
                    {number(c.values[i]!, 2)}
                  </td>
                ))}
                <td>
                  <button type="button" className={style.look} aria-label={w.lookAt(i + 1)} onClick={() => onLook(row)}>
                    {w.look}
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {rows.length > shown && <p className={style.hint}>{w.more(number(shown), number(rows.length))}</p>}
    </>
  )
}

function csvOf({ rows, columns }: Answered, inputs: Element[]): string {
  const header = [...inputs.map((e) => e.name), ...columns.flatMap((c) => [c.model, `${c.model} params`])]
  return writeCsv(
    header,
    rows.map((row, i) => [...row, ...columns.flatMap((c) => [c.values[i]!, c.versions[i]!])]),
  )
}

function jsonOf({ rows, columns }: Answered, inputs: Element[]): string {
  const list = rows.map((row, i) => ({
    input: Object.fromEntries(inputs.map((e, j) => [e.name, row[j]])),
    outputs: Object.fromEntries(columns.map((c) => [c.model, { value: c.values[i], params: c.versions[i] }])),
  }))
  return JSON.stringify(list, null, 2)
}

function download(name: string, type: string, content: string) {
  const url = URL.createObjectURL(new Blob([content], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
