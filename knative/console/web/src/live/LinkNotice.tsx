import { useEffect, useState } from 'react'
import { useFormat } from '../i18n/format'
import { useWords } from '../i18n/language'
import { Button } from '../ui/Button'
import { Notice } from '../ui/Notice'
import { troubleWords } from '../ui/words'
import { retryLive, useLive } from './live'
import { liveWords } from './words'

/** How long a stream may be away before it is worth a word, in milliseconds: one that comes back at once is not. */
const patience = 1_500

/** Says when the page does not hear from the server, since when, and what can be done. */
export function LinkNotice() {
  const w = useWords(liveWords)
  const { retry } = useWords(troubleWords)
  const { clock } = useFormat()
  const brokenAt = useLive((l) => l.brokenAt)
  const known = useLive((l) => l.list !== null)
  const registry = useLive((l) => l.list?.registry)
  const [lateSince, setLateSince] = useState(0)
  useEffect(() => {
    if (!brokenAt) return
    const timer = setTimeout(() => setLateSince(brokenAt), patience)
    return () => clearTimeout(timer)
  }, [brokenAt])

  if (brokenAt && lateSince === brokenAt) {
    return (
      <Notice tone="warn" title={w.broken} action={<Button onClick={retryLive}>{retry}</Button>}>
        {known ? w.old(clock(brokenAt)) : w.trying}
      </Notice>
    )
  }
  if (registry === 'away') return <Notice tone="warn" title={w.away} />
  return null
}
