import { type FormEvent, type ReactNode, type RefObject, useEffect, useRef, useState } from 'react'
import { useWords } from '../i18n/language'
import { type Trouble, troubleOf } from '../trouble'
import { Button } from '../ui/Button'
import { Dialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { Icon } from '../ui/Icon'
import { TroubleNotice, WayIn } from '../ui/Notice'
import { focusIsLost } from '../ui/useGoOn'
import { signIn, signOut, useSession } from './session'
import style from './SessionButton.module.css'
import { sessionWords } from './words'

/** Where writes need a token: signs in and out. Elsewhere there is nothing to see. */
export function SessionButton() {
  const w = useWords(sessionWords)
  const { name, needed, mayWrite } = useSession()
  const button = useRef<HTMLButtonElement>(null)
  const before = useRef(name)
  // Each of the two buttons takes the place of the other, and its focus.
  useEffect(() => {
    if (before.current !== name && focusIsLost()) button.current?.focus()
    before.current = name
  }, [name])
  if (!needed) return null
  if (!mayWrite) return <Opener className={style.button} label={w.signIn} button={button} />
  return (
    <Button ref={button} look="quiet" className={style.button} title={w.signedIn(name)} onClick={signOut}>
      <Icon name="person" />
      <span className={style.name}>{name}</span>
      <span className={style.verb}>{w.signOut}</span>
    </Button>
  )
}

interface OpenerProps {
  label: string
  className?: string
  button?: RefObject<HTMLButtonElement | null>
  /** Where the focus goes on once one has signed in. */
  then?: RefObject<HTMLElement | null>
}

function Opener({ label, className, button, then }: OpenerProps) {
  const [open, setOpen] = useState(false)
  return (
    <>
      <Button ref={button} className={className} onClick={() => setOpen(true)}>
        {label}
      </Button>
      {open && <SignIn then={then} onClose={() => setOpen(false)} />}
    </>
  )
}

function SignIn({ then, onClose }: { then?: OpenerProps['then']; onClose: () => void }) {
  const w = useWords(sessionWords)
  const [token, setToken] = useState('')
  const [busy, setBusy] = useState(false)
  const [trouble, setTrouble] = useState<Trouble>()
  const asking = useRef<AbortController>(null)
  useEffect(() => () => asking.current?.abort(), [])
  useEffect(
    () => () => {
      if (focusIsLost()) then?.current?.focus()
    },
    [then],
  )

  async function submit(event: FormEvent) {
    event.preventDefault()
    if (busy || token.trim() === '') return
    setBusy(true)
    asking.current = new AbortController()
    try {
      await signIn(token.trim(), asking.current.signal)
      onClose()
    } catch (error) {
      setTrouble(troubleOf(error))
      setBusy(false)
    }
  }

  return (
    <Dialog title={w.signIn} onClose={onClose}>
      <form className={style.form} onSubmit={submit}>
        <p>{w.why}</p>
        <Field label={w.token} type="password" autoComplete="off" spellCheck={false} hint={w.kept} value={token} onChange={(e) => setToken(e.target.value)} />
        {trouble && <TroubleNotice trouble={trouble} />}
        <div className={style.actions}>
          <Button onClick={onClose}>{w.cancel}</Button>
          <Button look="primary" type="submit" busy={busy} disabled={token.trim() === ''}>
            {w.signIn}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

/** Below it, what went wrong for want of a good token offers the way to one. What was typed stays as it is. The dialog stands beside: a form has no other one in it. */
export function SignInWhereNeeded({ children }: { children: ReactNode }) {
  const w = useWords(sessionWords)
  const [open, setOpen] = useState(false)
  return (
    <>
      <WayIn value={<Button onClick={() => setOpen(true)}>{w.showToken}</Button>}>{children}</WayIn>
      {open && <SignIn onClose={() => setOpen(false)} />}
    </>
  )
}

/** Where something could be changed: says that a reader may look only. Nothing for those who may write. */
export function ReaderNotice() {
  const w = useWords(sessionWords)
  const { mayWrite } = useSession()
  return mayWrite ? null : <p className={style.reader}>{w.reader}</p>
}

/** In the place of what only a token shows: why it is not there, and the way to it. Nothing for those who have one. */
export function NeedsToken({ children, then }: { children: ReactNode; then?: OpenerProps['then'] }) {
  const w = useWords(sessionWords)
  const { mayWrite } = useSession()
  if (mayWrite) return null
  return (
    <div className={style.needs}>
      {children} <Opener label={w.showToken} then={then} />
    </div>
  )
}
