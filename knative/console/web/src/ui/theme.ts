import { attempt } from '../attempt'
import { createStore, useStore } from '../store'

export type Theme = 'system' | 'light' | 'dark'

const kept = 'modelfn.theme'

const store = createStore({ theme: firstTheme() })
store.subscribe(tellDocument)
tellDocument()

function firstTheme(): Theme {
  const chosen = attempt(() => localStorage.getItem(kept))
  return chosen === 'light' || chosen === 'dark' ? chosen : 'system'
}

function tellDocument() {
  const { theme } = store.get()
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

export function setTheme(theme: Theme) {
  attempt(() => localStorage.setItem(kept, theme))
  store.set({ theme })
}

export function useTheme(): Theme {
  return useStore(store, (s) => s.theme)
}
