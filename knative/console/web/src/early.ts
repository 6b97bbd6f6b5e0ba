/*
 * What need not wait for the program. This small part runs while the rest is on its way: it opens the stream of the page,
 * and fetches what belongs to the place that the person came to.
 */

/** The part of an EventSource that is used. */
export interface Source {
  readonly readyState: number
  addEventListener(name: string, listener: (event: Event) => void): void
  close(): void
}

const events = ['models', 'log', 'params', 'history', 'stats', 'replicas', 'error']

/** A stream that keeps what it tells until somebody listens. */
export function keeping(stream: EventSource): Source {
  const kept = new Map(
    events.map((name) => {
      const all: Event[] = []
      const keep = (event: Event) => void all.push(event)
      stream.addEventListener(name, keep)
      return [name, { all, keep }]
    }),
  )
  return {
    get readyState() {
      return stream.readyState
    },
    close: () => stream.close(),
    addEventListener(name, listener) {
      const { all, keep } = kept.get(name) ?? { all: [] }
      if (keep) stream.removeEventListener(name, keep)
      kept.delete(name)
      all.forEach(listener)
      stream.addEventListener(name, listener)
    },
  }
}

/** Says so if the program itself did not come, sooner than index.html does, and in the person's language. The program marks its place when it begins. */
export function tellWithout(root: HTMLElement, again: () => void) {
  if (root.dataset.begun !== undefined) return
  const chinese = navigator.languages.find((tag) => /^(zh|en)/.test(tag))?.startsWith('zh') ?? false
  const said = document.createElement('p')
  said.className = 'without'
  said.role = 'alert'
  said.textContent = chinese ? '页面未能完整加载。服务器可能已停止，或网络中断。' : 'The page did not come whole. The server may be down, or the network.'
  const button = document.createElement('button')
  button.textContent = chinese ? '重试' : 'Try again'
  button.addEventListener('click', again)
  said.append(' ', button)
  root.querySelector('.late')?.remove()
  root.append(said)
}

const root = document.getElementById('root')
const tell = () => root && tellWithout(root, () => window.location.reload())
if (document.readyState === 'complete') tell()
else window.addEventListener('load', tell)

const open = () => new EventSource('/api/live')

let early = document.visibilityState === 'hidden' ? undefined : keeping(open())

/** The stream that was opened early, to whoever asks first; then another one. */
export function openStream(): Source {
  const stream = early ?? open()
  early = undefined
  return stream
}

/** The files that a place needs beyond the program itself; the build wrote their names beside this script's. */
export function filesFor(hash: string, names: DOMStringMap): string[] {
  const [, page, tab = ''] = /^#\/(models\/[^/]+|events)(?:\/(\w+))?/.exec(hash) ?? []
  const parts = page === undefined ? [] : page === 'events' ? ['events'] : ['requests', 'model', tab]
  return [...new Set(parts.flatMap((part) => names[part]?.split(' ') ?? []))]
}

for (const href of filesFor(window.location.hash, document.querySelector<HTMLScriptElement>('script[data-model]')?.dataset ?? {})) {
  const link = document.createElement('link')
  if (href.endsWith('.css')) Object.assign(link, { rel: 'preload', as: 'style' })
  else link.rel = 'modulepreload'
  Object.assign(link, { crossOrigin: '', href })
  document.head.append(link)
}
