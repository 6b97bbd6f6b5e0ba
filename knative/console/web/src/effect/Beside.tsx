import { useId, useState } from 'react'
import type { ModelInfo } from '../contract'
import { useWords } from '../i18n/language'
import { useModelName } from '../i18n/names'
import { Field } from '../ui/Field'
import style from './Beside.module.css'
import { mostDrawn } from './family'
import { effectWords } from './words'

/** Names that are shown at once; of more, one finds them by name. */
const mostNames = 30

/** Beyond so many a list is not looked through. */
const fewNames = 8

interface Props {
  model: ModelInfo
  family: ModelInfo[]
  drawn: ModelInfo[]
  /** Called with the names of those that are to be drawn beside the model. */
  onDraw: (names: string[]) => void
}

/** Who of a family is drawn together with a model. */
export function Beside({ model, family, drawn, onDraw }: Props) {
  const w = useWords(effectWords)
  const modelName = useModelName()
  const id = useId()
  const [text, setText] = useState('')
  const others = family.filter((m) => m.name !== model.name)
  const names = drawn.filter((m) => m.name !== model.name).map((m) => m.name)
  const full = names.length >= mostDrawn - 1
  const sought = text.trim().toLowerCase()
  const found = others.filter(({ name }) => name.toLowerCase().includes(sought) || modelName(name).toLowerCase().includes(sought))
  return (
    <details className={style.beside}>
      <summary id={id}>{w.together(drawn.length, family.length)}</summary>
      <fieldset className={style.choice} aria-labelledby={id} aria-describedby={`${id}-most`}>
        {others.length > fewNames && <Field label={w.find} type="search" autoComplete="off" value={text} onChange={(e) => setText(e.target.value)} />}
        <ul className={style.names}>
          {found.slice(0, mostNames).map(({ name }) => (
            <li key={name}>
              <label>
                <input
                  type="checkbox"
                  checked={names.includes(name)}
                  disabled={full && !names.includes(name)}
                  onChange={(e) => onDraw(e.target.checked ? [...names, name] : names.filter((n) => n !== name))}
                />{' '}
                {modelName(name)}
              </label>
            </li>
          ))}
        </ul>
        <p id={`${id}-most`} className={style.hint}>
          {others.length >= mostDrawn && w.most(mostDrawn)} {found.length > mostNames && w.further(found.length - mostNames)}
        </p>
      </fieldset>
    </details>
  )
}
