import { type AnchorHTMLAttributes, useSyncExternalStore } from 'react'

/** Where the page is. It keeps its place behind #, so that the server needs to know one path only. */
export type Place =
  | { page: 'models' }
  /** `beside` names the models that are drawn together with this one; undefined leaves that to the page. */
  | { page: 'model'; model: string; tab: Tab; beside?: string[] }
  | { page: 'events' }
  | { page: 'lost' }

export type Tab = 'effect' | 'params' | 'traffic'

const tabs: readonly string[] = ['effect', 'params', 'traffic'] satisfies Tab[]

export function parsePlace(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split('?', 2)
  const [first = '', model = '', tab = 'effect', ...rest] = path.split('/').map(decode)
  const [, names] = /^beside=(.*)$/.exec(query) ?? []
  const beside = names?.split(',').filter(Boolean).map(decode)
  if (rest.length === 0) {
    if ((first === '' || first === 'models') && model === '') return { page: 'models' }
    if (first === 'models' && tabs.includes(tab)) return { page: 'model', model, tab: tab as Tab, ...(beside && { beside }) }
    if (first === 'events' && model === '') return { page: 'events' }
  }
  return { page: 'lost' }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export function pathOf(place: Place): string {
  switch (place.page) {
    case 'model':
      return `#/models/${encodeURIComponent(place.model)}/${place.tab}${place.beside ? `?beside=${place.beside.map(encodeURIComponent).join(',')}` : ''}`
    case 'events':
      return '#/events'
    default:
      return '#/'
  }
}

function subscribe(listener: () => void) {
  window.addEventListener('hashchange', listener)
  return () => window.removeEventListener('hashchange', listener)
}

let parsed: { hash: string; place: Place } | undefined

function here(): Place {
  const { hash } = window.location
  if (parsed?.hash !== hash) parsed = { hash, place: parsePlace(hash) }
  return parsed!.place
}

export function usePlace(): Place {
  return useSyncExternalStore(subscribe, here)
}

/** Goes to a place, in the stead of the one where the page is. */
export function turnInto(place: Place) {
  window.location.replace(pathOf(place))
}

/** A link to a place of this page. */
export function Link({ to, children, ...rest }: { to: Place } & Omit<AnchorHTMLAttributes<HTMLAnchorElement>, 'href'>) {
  return (
    <a href={pathOf(to)} {...rest}>
      {children}
    </a>
  )
}
