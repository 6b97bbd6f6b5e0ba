import type { ButtonHTMLAttributes, Ref } from 'react'
import style from './Button.module.css'

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  /** What it is for: the one thing to do here, one of several, something small, or something to think about. */
  look?: 'primary' | 'plain' | 'quiet' | 'danger'
  /** It is doing it: it says so, and takes no second click. */
  busy?: boolean
  ref?: Ref<HTMLButtonElement>
}

export function Button({ look = 'plain', busy = false, className = '', children, onClick, ...rest }: Props) {
  return (
    <button
      type="button"
      className={`${style.button} ${style[look]} ${className}`}
      aria-busy={busy || undefined}
      aria-disabled={busy || undefined}
      onClick={busy ? (event) => event.preventDefault() : onClick}
      {...rest}
    >
      {busy && <span className={style.spinner} aria-hidden="true" />}
      {children}
    </button>
  )
}
