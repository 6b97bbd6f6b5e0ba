import { createContext, type ReactNode, use, useId } from 'react'
import { useWords } from '../i18n/language'
import { useTranslated } from '../i18n/names'
import { isObject } from '../isObject'
import { Button } from '../ui/Button'
import field from '../ui/Field.module.css'
import { FieldError } from '../ui/Field'
import style from './Fields.module.css'
import { readNumber, stepFor, stepped, type Wrong } from './number'
import type { Places } from './places'
import { itemPath, memberPath, moved, type NumberShape, type Shape } from './shape'
import { entriesOf, type Problems, textOf, type Typed, typedOf } from './typed'
import { paramsWords, wrongWords } from './words'

/** What all fields of one form share. */
export interface FormState {
  problems: Problems
  places: Places
  readOnly: boolean
  /** The text of a value before it was changed; undefined if there was none. */
  former: (path: string) => string | undefined
}

const Form = createContext<FormState | null>(null)

interface NodeProps<S extends Shape = Shape> {
  shape: S
  typed: Typed
  onType: (typed: Typed) => void
}

/** The fields of a whole document. */
export function Fields({ state, ...node }: NodeProps & { state: FormState }) {
  return (
    <Form value={state}>
      <div className={style.form}>{node.shape.kind === 'group' ? <Members {...(node as NodeProps<Shape & { kind: 'group' }>)} /> : <Node {...node} />}</div>
    </Form>
  )
}

function Node({ shape, typed, onType }: NodeProps) {
  if (shape.optional && typed === null) return <LeftOut shape={shape} onGive={() => onType(typedOf({ ...shape, optional: false }, undefined))} />
  switch (shape.kind) {
    case 'group':
      return (
        <Group shape={shape} onType={onType}>
          <Members shape={shape} typed={typed} onType={onType} />
        </Group>
      )
    case 'list':
      return <List shape={shape} typed={typed} onType={onType} />
    case 'map':
      return <Entries shape={shape} typed={typed} onType={onType} />
    case 'number':
      return <NumberField shape={shape} typed={typed} onType={onType} />
    default:
      return <Single shape={shape} typed={typed} onType={onType} />
  }
}

function Members({ shape, typed, onType }: NodeProps<Shape & { kind: 'group' }>) {
  const members = isObject(typed) ? (typed as Record<string, Typed>) : {}
  return shape.fields.map((f) => <Node key={f.path} shape={f} typed={members[f.name] ?? null} onType={(t) => onType({ ...members, [f.name]: t })} />)
}

/** Fields that belong together, under their name. */
function Group({ shape, onType, children, tools }: { shape: Shape; onType: (typed: Typed) => void; children: ReactNode; tools?: ReactNode }) {
  const w = useWords(paramsWords)
  const translated = useTranslated()
  const { problems, readOnly } = use(Form)!
  const id = useId()
  return (
    <fieldset className={style.group} aria-describedby={`${id}-error`}>
      <legend className={style.legend}>
        <code>{shape.name}</code> <span className={field.hint}>{translated(shape.description)}</span>
      </legend>
      <div className={style.grid}>{children}</div>
      <FieldError id={`${id}-error`} error={useWrongText(problems[shape.path])} />
      {!readOnly && (tools || shape.optional) && (
        <div className={style.tools}>
          {tools}
          {shape.optional && (
            <Button look="quiet" onClick={() => onType(null)}>
              {w.leaveOut}
            </Button>
          )}
        </div>
      )}
    </fieldset>
  )
}

function List({ shape, typed, onType }: NodeProps<Shape & { kind: 'list' }>) {
  const w = useWords(paramsWords)
  const items = Array.isArray(typed) ? typed : []
  const grows = items.length < shape.max
  const shrinks = items.length > shape.min
  const tools = grows && (
    <Button look="quiet" onClick={() => onType([...items, typedOf(shape.item, undefined)])}>
      {w.addItem}
    </Button>
  )
  return (
    <Group shape={shape} onType={onType} tools={tools}>
      {items.map((t, i) => {
        const item = moved(shape.item, itemPath(shape.path, i), `${shape.name}[${i}]`)
        return (
          <Removable key={i} name={item.name} onRemove={shrinks ? () => onType(items.filter((_, j) => j !== i)) : undefined}>
            <Node shape={item} typed={t} onType={(next) => onType(items.map((old, j) => (j === i ? next : old)))} />
          </Removable>
        )
      })}
    </Group>
  )
}

function Entries({ shape, typed, onType }: NodeProps<Shape & { kind: 'map' }>) {
  const w = useWords(paramsWords)
  const { problems, readOnly } = use(Form)!
  const entries = entriesOf(typed)
  const put = (next: [string, Typed][]) => onType({ entries: next })
  const tools = (
    <Button look="quiet" onClick={() => put([...entries, ['', typedOf(shape.item, undefined)]])}>
      {w.addItem}
    </Button>
  )
  return (
    <Group shape={shape} onType={onType} tools={tools}>
      {entries.map(([name, t], i) => (
        <Removable key={i} name={name} onRemove={() => put(entries.filter((_, j) => j !== i))}>
          <Labelled label={w.entryName} wrong={problems[itemPath(shape.path, i)]}>
            {(input) => <input {...input} value={name} readOnly={readOnly} onChange={(e) => put(entries.map((old, j) => (j === i ? [e.target.value, old[1]] : old)))} />}
          </Labelled>
          <Node shape={moved(shape.item, memberPath(shape.path, name), name)} typed={t} onType={(next) => put(entries.map((old, j) => (j === i ? [old[0], next] : old)))} />
        </Removable>
      ))}
    </Group>
  )
}

function Removable({ name, onRemove, children }: { name: string; onRemove: (() => void) | undefined; children: ReactNode }) {
  const w = useWords(paramsWords)
  const { readOnly } = use(Form)!
  if (!onRemove || readOnly) return children
  return (
    <div className={style.removable}>
      {children}
      <Button look="quiet" className={style.remove} aria-label={w.removeItem(name)} onClick={onRemove}>
        ×
      </Button>
    </div>
  )
}

function LeftOut({ shape, onGive }: { shape: Shape; onGive: () => void }) {
  const w = useWords(paramsWords)
  const { readOnly } = use(Form)!
  return (
    <div className={style.leftOut}>
      <code>{shape.name}</code> <span className={field.hint}>{w.leftOut}</span>
      {!readOnly && (
        <Button look="quiet" onClick={onGive}>
          {w.give}
        </Button>
      )}
    </div>
  )
}

function NumberField({ shape, typed, onType }: NodeProps<NumberShape>) {
  const w = useWords(paramsWords)
  const { readOnly } = use(Form)!
  const text = textOf(typed)
  const value = readNumber(text, { ...shape, min: -Infinity, max: Infinity }).value
  const ranged = telling(shape.min) && telling(shape.max)
  const step = stepFor(value ?? 0, shape)
  return (
    <Leaf shape={shape} onType={onType} range={useRangeText(shape)}>
      {(input) => (
        <>
          <input
            {...input}
            inputMode="decimal"
            value={text}
            readOnly={readOnly}
            onChange={(e) => onType(e.target.value)}
            onKeyDown={(e) => {
              const turn = e.key === 'ArrowUp' ? 1 : e.key === 'ArrowDown' ? -1 : 0
              if (turn === 0 || value === undefined || readOnly) return
              e.preventDefault()
              onType(String(stepped(value, turn * step * (e.shiftKey ? 10 : 1))))
            }}
          />
          {ranged && (
            <input
              type="range"
              className={style.slider}
              aria-label={w.slider(shape.name)}
              min={shape.min}
              max={shape.max}
              step={step}
              value={value ?? shape.min}
              disabled={readOnly}
              onChange={(e) => onType(String(stepped(e.target.valueAsNumber, 0)))}
            />
          )}
        </>
      )}
    </Leaf>
  )
}

/** A field for one value that is no number. */
function Single({ shape, typed, onType }: NodeProps) {
  const w = useWords(paramsWords)
  const { readOnly } = use(Form)!
  return (
    <Leaf shape={shape} onType={onType}>
      {(input) => {
        switch (shape.kind) {
          case 'choice':
            return (
              <select {...input} value={textOf(typed)} disabled={readOnly} onChange={(e) => onType(e.target.value)}>
                {typed === '' && <option value="">{w.choose}</option>}
                {shape.options.map((o) => (
                  <option key={String(o)} value={JSON.stringify(o)}>
                    {String(o)}
                  </option>
                ))}
              </select>
            )
          case 'flag':
            return <input {...input} className={style.check} type="checkbox" checked={typed === true} disabled={readOnly} onChange={(e) => onType(e.target.checked)} />
          case 'json':
            return <textarea {...input} rows={Math.min(16, textOf(typed).split('\n').length + 1)} spellCheck={false} value={textOf(typed)} readOnly={readOnly} onChange={(e) => onType(e.target.value)} />
          default:
            return <input {...input} value={textOf(typed)} readOnly={readOnly} onChange={(e) => onType(e.target.value)} />
        }
      }}
    </Leaf>
  )
}

interface InputProps {
  id: string
  className: string
  autoComplete: string
  'aria-describedby': string
  'aria-invalid': true | undefined
}

/** A value with its number and name, what it means, what it was, and what is wrong with it. */
function Leaf({ shape, range = '', onType, children }: { shape: Shape; range?: string; onType: (typed: Typed) => void; children: (input: InputProps) => ReactNode }) {
  const w = useWords(paramsWords)
  const translated = useTranslated()
  const { problems, places, former, readOnly } = use(Form)!
  const was = former(shape.path)
  const hint = [translated(shape.description), shape.unit, range].filter(Boolean).join(' · ')
  return (
    <Labelled
      label={
        <>
          {w.param(places.numbers.get(shape.path) ?? 1)} <code className={style.path}>{shape.name}</code>
        </>
      }
      hint={hint}
      was={was}
      wrong={problems[shape.path]}
    >
      {(input) => (
        <>
          {children(input)}
          {shape.optional && !readOnly && (
            <Button look="quiet" onClick={() => onType(null)}>
              {w.leaveOut}
            </Button>
          )}
        </>
      )}
    </Labelled>
  )
}

function Labelled({ label, hint = '', was, wrong, children }: { label: ReactNode; hint?: string; was?: string; wrong?: Wrong; children: (input: InputProps) => ReactNode }) {
  const w = useWords(paramsWords)
  const id = useId()
  return (
    <div className={`${field.field} ${style.leaf} ${was === undefined ? '' : style.changed}`}>
      <label htmlFor={id}>{label}</label>
      {children({ id, className: field.input!, autoComplete: 'off', 'aria-describedby': `${id}-error ${id}-was ${id}-hint`, 'aria-invalid': wrong ? true : undefined })}
      <FieldError id={`${id}-error`} error={useWrongText(wrong)} />
      <p id={`${id}-was`} className={style.was}>
        {was !== undefined && w.was(was)}
      </p>
      <p id={`${id}-hint`} className={field.hint}>
        {hint}
      </p>
    </div>
  )
}

function useWrongText(wrong: Wrong | undefined): string {
  const w = useWords(wrongWords)
  if (!wrong) return ''
  return wrong.why === 'said' ? wrong.said : w[wrong.why]('limit' in wrong ? wrong.limit : 0)
}

/** Whether an end of a range says something: one that only the type has does not. */
const telling = (end: number) => Math.abs(end) < 2 ** 53

/** What a number may be: above 0, below 1. */
function useRangeText({ integer, min, max, minOpen, maxOpen }: NumberShape): string {
  const w = useWords(paramsWords)
  const low = telling(min) ? (minOpen ? w.above : w.atLeast)(String(min)) : ''
  const high = telling(max) ? (maxOpen ? w.below : w.atMost)(String(max)) : ''
  return [integer && w.integer, low, high].filter(Boolean).join(', ')
}
