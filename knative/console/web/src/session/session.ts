import { sendWith, session } from '../api'
import { attempt } from '../attempt'
import { forgetInputs } from './inputs'
import { useLive } from '../live/live'
import { createStore, useStore } from '../store'

/*
 * Who the person is. The token is kept for this tab's session only, and nowhere else.
 */

const kept = 'modelfn.token'

interface Session {
  token: string
  name: string
}

const store = createStore<Session>(read())
sendWith(store.get().token)

function read(): Session {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(kept) ?? 'null')
    if (typeof value === 'object' && value !== null && 'token' in value && 'name' in value) {
      return { token: String(value.token), name: String(value.name) }
    }
  } catch {
    // What is not ours is as good as nothing.
  }
  return { token: '', name: '' }
}

/** Asks whose token it is, and signs in with it; throws the Trouble if it is nobody's, and whatever it is if that was given up. */
export async function signIn(token: string, signal?: AbortSignal) {
  const name = await session(token, signal)
  signal?.throwIfAborted()
  attempt(() => sessionStorage.setItem(kept, JSON.stringify({ token, name })))
  sendWith(token)
  store.set({ token, name })
}

/**
 * Signs out, and forgets the inputs, which may be of patients. What was typed into params and splits stays: it is of models, which
 * everybody may read, it is sent by nobody but who presses the button, and a token that ran out is no reason to lose it.
 */
export function signOut() {
  attempt(() => sessionStorage.removeItem(kept))
  sendWith('')
  forgetInputs()
  store.set({ token: '', name: '' })
}

export interface Rights {
  /** '' if nobody signed in. */
  name: string
  /** Writes need a token here. */
  needed: boolean
  /** Writes make sense: a token is there, or none is needed. */
  mayWrite: boolean
}

export function useSession(): Rights {
  const { name, token } = useStore(store, (s) => s)
  const needed = useLive((l) => l.list?.signIn ?? false)
  return { name, needed, mayWrite: !needed || token !== '' }
}
