import { type InputHTMLAttributes, type ReactNode, useId } from 'react'
import style from './Field.module.css'

interface Props extends Omit<InputHTMLAttributes<HTMLInputElement>, 'id'> {
  label: ReactNode
  /** What it means, its unit, its range. */
  hint?: ReactNode
  /** What is wrong with it; '' if nothing is. */
  error?: string
}

/** An input with its label, what it means, and what is wrong with it, all tied together for a screen reader. */
export function Field({ label, hint, error = '', className = '', ...input }: Props) {
  const id = useId()
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ')
  return (
    <div className={`${style.field} ${className}`}>
      <label htmlFor={id}>{label}</label>
      <input id={id} className={style.input} aria-describedby={described || undefined} aria-invalid={error !== '' || undefined} {...input} />
      {hint && (
        <p id={`${id}-hint`} className={style.hint}>
          {hint}
        </p>
      )}
      <FieldError id={`${id}-error`} error={error} />
    </div>
  )
}

/** What is wrong with a field; read out when it appears. */
export function FieldError({ id, error }: { id?: string; error: string }) {
  return (
    <p id={id} className={style.error} aria-live="polite">
      {error}
    </p>
  )
}
