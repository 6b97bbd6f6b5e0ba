import { useId } from 'react'
import type { Document, ParamsEvent, Requires } from '../contract'
import { useFormat } from '../i18n/format'
import { useWords } from '../i18n/language'
import { useModelName } from '../i18n/names'
import { useLive } from '../live/live'
import field from '../ui/Field.module.css'
import style from './Components.module.css'
import { paramsWords } from './words'

interface Props {
  base: Document
  requires: Requires
  readOnly: boolean
  onRequire: (requires: Requires) => void
}

/** The components that a document pins. They stay as they are, unless the person takes another version. */
export function Components({ base, requires, readOnly, onRequire }: Props) {
  const w = useWords(paramsWords)
  const names = Object.keys(requires)
  if (names.length === 0) return null
  return (
    <fieldset className={style.group}>
      <legend className={style.legend}>
        {w.components} <span className={field.hint}>{w.componentsWhy}</span>
      </legend>
      {names.map((name) => (
        <Pin key={name} name={name} base={base.requires?.[name]} pin={requires[name]!} readOnly={readOnly} onPin={(pin) => onRequire({ ...requires, [name]: pin })} />
      ))}
    </fieldset>
  )
}

type OnePin = Requires[string]

function Pin({ name, base, pin, readOnly, onPin }: { name: string; base: OnePin | undefined; pin: OnePin; readOnly: boolean; onPin: (pin: OnePin) => void }) {
  const w = useWords(paramsWords)
  const { ago } = useFormat()
  const modelName = useModelName()
  const log = useLive((l) => l.log)
  const id = useId()
  const known = log.filter((e) => e.model === name)
  const pins = [pin, base].filter((p) => p !== undefined && !known.some((e) => e.version === p.version)) as OnePin[]
  const options: (OnePin & Partial<Pick<ParamsEvent, 'author' | 'created' | 'held'>>)[] = [...known, ...pins].filter((e, i, all) => all.findIndex((o) => o.version === e.version) === i).toSorted((a, b) => b.version - a.version)
  const newest = known.find((e) => !e.held)?.version ?? pin.version
  return (
    <div className={field.field}>
      <label htmlFor={id}>
        {modelName(name)} <code className={style.name}>{name}</code>
      </label>
      <select
        id={id}
        className={field.input}
        value={pin.version}
        disabled={readOnly}
        aria-describedby={`${id}-hint`}
        onChange={(event) => {
          const chosen = options.find((o) => o.version === Number(event.target.value))
          if (chosen) onPin({ version: chosen.version, digest: chosen.digest })
        }}
      >
        {options.map((o) => (
          <option key={o.version} value={o.version}>
            {[w.pinned(o.version), o.author, o.created && ago(o.created), o.held && w.pinHeld].filter(Boolean).join(' · ')}
          </option>
        ))}
      </select>
      <p id={`${id}-hint`} className={field.hint}>
        {base && base.version !== pin.version ? w.was(`v${base.version}`) : newest > pin.version ? w.newest(newest) : ''}
      </p>
    </div>
  )
}
