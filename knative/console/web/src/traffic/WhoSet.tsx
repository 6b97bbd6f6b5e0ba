import type { TrafficSet } from '../contract'
import { useFormat } from '../i18n/format'
import { useWords } from '../i18n/language'
import { useNow } from '../ui/useNow'
import { trafficWords } from './words'

/** Who set the traffic as it stands, and when. */
export function WhoSet({ set: { by, at } }: { set: TrafficSet }) {
  const w = useWords(trafficWords)
  const { ago, moment } = useFormat()
  const now = useNow()
  return (
    <time dateTime={at} title={moment(at)}>
      {by ? w.setBy(by, ago(at, now)) : w.set(ago(at, now))}
    </time>
  )
}
