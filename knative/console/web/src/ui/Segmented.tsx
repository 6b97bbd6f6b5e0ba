import { useId } from 'react'
import style from './Segmented.module.css'

/** A choice of one among a few; radio buttons to the keyboard and to a screen reader. */
export function Segmented({ label, options, chosen, onChoose }: { label: string; options: string[]; chosen: number; onChoose: (index: number) => void }) {
  const name = useId()
  return (
    <fieldset className={style.group}>
      <legend className="unseen">{label}</legend>
      <span className={style.label} aria-hidden="true">
        {label}
      </span>
      <span className={style.options}>
        {options.map((option, i) => (
          <label key={option} className={style.option}>
            <input type="radio" name={name} checked={i === chosen} onChange={() => onChoose(i)} />
            <span>{option}</span>
          </label>
        ))}
      </span>
    </fieldset>
  )
}
