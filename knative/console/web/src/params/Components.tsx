import { useId } from 'react'
import type { Document, ParamsEvent, Requires } from '../contract'
import { useFormat } from '../i18n/format'
import { useWords } from '../i18n/language'
import { useModelName } from '../i18n/names'
import { useLive } from '../live/live'
import { Button } from '../ui/Button'
import field from '../ui/Field.module.css'
import { TroubleNotice } from '../ui/Notice'
import style from './Components.module.css'
import { useHistory } from './useHistory'
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
type Option = OnePin & Partial<Pick<ParamsEvent, 'author' | 'created' | 'held'>>

/** Older versions that are loaded at once. */
const more = 50

/** What a component can be pinned to, the newest first: what the stream told, the pins, and what was loaded of the history. */
function useOptions(name: string, pins: OnePin[]) {
  const log = useLive((l) => l.log)
  const { get, want, trouble, retry } = useHistory(name)
  const known = new Map<number, Option>()
  const add = (option: Option | undefined) => void (option && !known.has(option.version) && known.set(option.version, option))
  for (const event of log) if (event.model === name) add(event)
  const newest = Math.max(...known.keys(), ...pins.map((p) => p.version))
  for (let version = newest; version > 0; version--) add(get(version))
  for (const pin of pins) add(pin)
  let low = newest // down to it, none is missing
  while (known.has(low - 1)) low--
  return {
    options: [...known.values()].toSorted((a, b) => b.version - a.version),
    older: Math.min(more, low - 1),
    load: () => want(Math.max(1, low - more), low - 1),
    trouble,
    retry,
  }
}

function Pin({ name, base, pin, readOnly, onPin }: { name: string; base: OnePin | undefined; pin: OnePin; readOnly: boolean; onPin: (pin: OnePin) => void }) {
  const w = useWords(paramsWords)
  const { ago } = useFormat()
  const modelName = useModelName()
  const id = useId()
  const { options, older, load, trouble, retry } = useOptions(name, base ? [pin, base] : [pin])
  const newest = options.find((o) => !o.held)?.version ?? pin.version
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
      {!readOnly && older > 0 && (
        <Button look="quiet" className={style.older} onClick={load}>
          {w.older(older)}
        </Button>
      )}
      {trouble && <TroubleNotice trouble={trouble} retry={retry} />}
    </div>
  )
}
