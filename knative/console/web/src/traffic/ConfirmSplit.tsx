import { useState } from 'react'
import { useWords } from '../i18n/language'
import { Button } from '../ui/Button'
import { Dialog } from '../ui/Dialog'
import { Notice } from '../ui/Notice'
import { Pill } from '../ui/Pill'
import type { Move } from './split'
import style from './TrafficTab.module.css'
import { trafficWords } from './words'

interface Props {
  moves: Move[]
  /** Somebody changed the traffic since this was asked. */
  moved: boolean
  onConfirm: () => Promise<void>
  onClose: () => void
}

/** What a change of the traffic would do, before it is done. */
export function ConfirmSplit({ moves, moved, onConfirm, onClose }: Props) {
  const w = useWords(trafficWords)
  const [busy, setBusy] = useState(false)
  return (
    <Dialog
      title={w.confirmTitle}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{w.cancel}</Button>
          <Button
            look="primary"
            busy={busy}
            onClick={() => {
              setBusy(true)
              void onConfirm()
            }}
          >
            {w.confirm}
          </Button>
        </>
      }
    >
      {moved && <Notice tone="warn" title={w.changedMeanwhile} />}
      <ul className={style.moves}>
        {moves.map(({ revision, from, to, tagsAdded, tagsTaken }) => (
          <li key={revision}>
            <span>{revision}</span>
            {tagsAdded.map((tag) => (
              <Pill key={tag} tone="good">
                {w.tagAdded(tag)}
              </Pill>
            ))}
            {tagsTaken.map((tag) => (
              <Pill key={tag} tone="warn">
                {w.tagTaken(tag)}
              </Pill>
            ))}
            <span className={style.arrow}>{from === to ? `${to} %` : `${from} % → ${to} %`}</span>
          </li>
        ))}
      </ul>
    </Dialog>
  )
}
