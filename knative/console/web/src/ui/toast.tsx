import { createStore, useStore } from '../store'
import style from './toast.module.css'

interface Said {
  id: number
  tone: 'good' | 'bad'
  text: string
}

const store = createStore<{ said: Said[] }>({ said: [] })
let next = 1

/** Says something for some seconds at the page's edge: what was done, or that it failed. */
export function say(tone: Said['tone'], text: string) {
  const id = next++
  store.set(({ said }) => ({ said: [...said.slice(-2), { id, tone, text }] }))
  setTimeout(() => store.set(({ said }) => ({ said: said.filter((s) => s.id !== id) })), 6_000)
}

/** Where it is said. It stands in the page once, from the start, so that a screen reader hears it. */
export function Toasts() {
  const said = useStore(store, (s) => s.said)
  return (
    <div className={style.toasts} role="status" aria-live="polite">
      {said.map(({ id, tone, text }) => (
        <p key={id} className={`${style.toast} ${style[tone]}`}>
          {text}
        </p>
      ))}
    </div>
  )
}
