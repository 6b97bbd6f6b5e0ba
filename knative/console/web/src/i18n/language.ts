import { attempt } from '../attempt'
import { createStore, useStore } from '../store'

export type Language = 'en' | 'zh'

const kept = 'modelfn.language'

const store = createStore({ language: firstLanguage() })
store.subscribe(tellDocument)
tellDocument()

/** What the person chose before, else the first of the browser's languages that there are words for. */
function firstLanguage(): Language {
  const chosen = attempt(() => localStorage.getItem(kept))
  if (chosen === 'en' || chosen === 'zh') return chosen
  for (const tag of navigator.languages) {
    if (tag.startsWith('zh')) return 'zh'
    if (tag.startsWith('en')) return 'en'
  }
  return 'en'
}

function tellDocument() {
  document.documentElement.lang = store.get().language === 'zh' ? 'zh-CN' : 'en'
}

export function setLanguage(language: Language) {
  attempt(() => localStorage.setItem(kept, language))
  store.set({ language })
}

export function useLanguage(): Language {
  return useStore(store, (s) => s.language)
}

/** The words of one part of the page; both languages have the same ones. */
export interface Words<T> {
  en: T
  zh: T
}

export function words<T>(en: T, zh: NoInfer<T>): Words<T> {
  return { en, zh }
}

export function useWords<T>(words: Words<T>): T {
  return words[useLanguage()]
}
