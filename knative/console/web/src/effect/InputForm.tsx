import { useId } from 'react'
import { useFormat } from '../i18n/format'
import { useWords } from '../i18n/language'
import { useTranslated } from '../i18n/names'
import style from './InputForm.module.css'
import type { Form } from './input'
import { type Element, roundTo, stepOf } from './signature'
import { effectWords } from './words'

/** A row for each number of the input: its name and unit, a field, and a slider over the range of the data. */
export function InputForm({ form }: { form: Form }) {
  return (
    <div className={style.form}>
      {form.elements.map((element, i) => (
        <Row key={element.name} element={element} text={form.texts[i] ?? ''} value={form.numbers[i] ?? Number.NaN} onType={(text) => form.type(i, text)} />
      ))}
    </div>
  )
}

function Row({ element, text, value, onType }: { element: Element; text: string; value: number; onType: (text: string) => void }) {
  const w = useWords(effectWords)
  const translated = useTranslated()
  const { number } = useFormat()
  const id = useId()
  const { name, unit, range } = element
  const step = stepOf(element)
  const wrong = Number.isNaN(value)
  const outside = !wrong && range !== undefined && (value < range.min || value > range.max)
  const said = wrong ? (element.integer ? w.noInteger : w.noNumber) : outside ? w.outside : ''
  const description = translated(element.description)
  return (
    <div className={style.row}>
      <label htmlFor={id} className={style.label}>
        <strong>{name}</strong>
        {unit && <span className={style.unit}> {unit}</span>}
      </label>
      <input
        id={id}
        className={style.number}
        inputMode="decimal"
        autoComplete="off"
        value={text}
        aria-invalid={wrong || undefined}
        aria-describedby={`${id}-about ${id}-said`}
        onChange={(event) => onType(event.target.value)}
        onKeyDown={(event) => {
          const turn = event.key === 'ArrowUp' ? 1 : event.key === 'ArrowDown' ? -1 : 0
          if (turn === 0 || wrong) return
          event.preventDefault()
          onType(String(roundTo(value + turn * step * (event.shiftKey ? 10 : 1), step)))
        }}
      />
      {range && (
        <input
          type="range"
          className={style.slider}
          aria-label={w.slider(name)}
          min={range.min}
          max={range.max}
          step={step}
          value={wrong ? range.min : value}
          onChange={(event) => onType(String(roundTo(event.target.valueAsNumber, step)))}
        />
      )}
      <p id={`${id}-about`} className={style.about}>
        {description}
        {range && (
          <span className={style.ends}>
            {number(range.min, 2)} – {number(range.max, 2)}
          </span>
        )}
      </p>
      <p id={`${id}-said`} className={wrong ? style.wrong : style.outside} aria-live="polite">
        {said}
      </p>
    </div>
  )
}
