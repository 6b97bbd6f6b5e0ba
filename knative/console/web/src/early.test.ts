import { beforeEach, expect, it, vi } from 'vitest'

class Stream extends EventTarget {
  static opened: string[] = []
  readyState = 1
  close = vi.fn()

  constructor(url: string) {
    super()
    Stream.opened.push(url)
  }
}

vi.stubGlobal('EventSource', Stream)
beforeEach(() => void vi.stubGlobal('EventSource', Stream))
const { filesFor, keeping, openStream, tellWithout } = await import('./early')

it('opens the stream before it is asked for, and gives it away once', () => {
  expect(Stream.opened).toEqual(['/api/live'])
  openStream()
  expect(Stream.opened).toHaveLength(1)
  openStream()
  expect(Stream.opened).toHaveLength(2)
})

it('keeps what the stream tells until somebody listens', () => {
  const stream = new Stream('')
  const kept = keeping(stream as unknown as EventSource)
  const say = (name: string, data: string) => stream.dispatchEvent(new MessageEvent(name, { data }))
  const heard: string[] = []
  say('models', 'one')
  say('error', '')
  say('models', 'two')
  kept.addEventListener('models', (event) => heard.push((event as MessageEvent<string>).data))
  kept.addEventListener('error', () => heard.push('broken'))
  expect(heard).toEqual(['one', 'two', 'broken'])
  say('models', 'three')
  expect(heard).toEqual(['one', 'two', 'broken', 'three'])
  stream.readyState = 2
  expect(kept.readyState).toBe(2)
  kept.close()
  expect(stream.close).toHaveBeenCalledOnce()
})

it('knows the files of a place, each once', () => {
  const names = { requests: '/axios.js', model: '/model.js /shared.js', params: '/params.js /shared.js', events: '/events.js' }
  expect(filesFor('', names)).toEqual([])
  expect(filesFor('#/models', names)).toEqual([])
  expect(filesFor('#/events', names)).toEqual(['/events.js'])
  expect(filesFor('#/models/model-a', names)).toEqual(['/axios.js', '/model.js', '/shared.js'])
  expect(filesFor('#/models/model-a/params', names)).toEqual(['/axios.js', '/model.js', '/shared.js', '/params.js'])
  expect(filesFor('#/models/model-a/params', {})).toEqual([])
})

it('says so when the program did not come, and lets one try again', () => {
  document.body.innerHTML = '<div id="root"><div class="shell">modelfn</div><p class="late">…</p></div>'
  const root = document.getElementById('root')!
  const again = vi.fn()
  root.dataset.begun = ''
  tellWithout(root, again)
  expect(root).toHaveTextContent(/^modelfn…$/)
  delete root.dataset.begun
  tellWithout(root, again)
  expect(root.querySelector('[role=alert]')).toHaveTextContent('The page did not come whole. The server may be down, or the network.')
  expect(root.querySelector('.late')).toBeNull()
  root.querySelector('button')!.click()
  expect(again).toHaveBeenCalledOnce()
})
