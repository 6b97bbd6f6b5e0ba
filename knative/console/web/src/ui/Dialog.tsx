import { type ReactNode, useId, useLayoutEffect, useRef } from 'react'
import { useWords } from '../i18n/language'
import { Button } from './Button'
import style from './Dialog.module.css'
import { Icon } from './Icon'
import { uiWords } from './words'

/** A modal dialog. The browser keeps the focus in it, closes it with Escape, and gives the focus back. */
export function Dialog({ title, onClose, children, actions }: { title: string; onClose: () => void; children: ReactNode; actions?: ReactNode }) {
  const w = useWords(uiWords)
  const ref = useRef<HTMLDialogElement>(null)
  const id = useId()
  // Closed before it is taken out: only then the browser gives the focus back.
  useLayoutEffect(() => {
    const dialog = ref.current
    dialog?.showModal()
    return () => dialog?.close()
  }, [])
  return (
    <dialog ref={ref} className={style.dialog} aria-labelledby={id} onCancel={(event) => (event.preventDefault(), onClose())}>
      <div className={style.header}>
        <h2 id={id}>{title}</h2>
        <Button look="quiet" aria-label={w.close} className={style.close} onClick={onClose}>
          <Icon name="close" />
        </Button>
      </div>
      <div className={style.body}>{children}</div>
      {actions && <div className={style.actions}>{actions}</div>}
    </dialog>
  )
}
