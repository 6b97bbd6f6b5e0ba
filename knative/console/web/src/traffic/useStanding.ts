import { useState } from 'react'
import type { ModelInfo, Share, TrafficSet } from '../contract'
import { isObject } from '../isObject'
import type { Trouble } from '../trouble'
import type { Standing } from './edits'

/** A split that an answer told of. */
export interface Told {
  traffic: Share[]
  etag: string
  set?: TrafficSet
}

/** The split of a model as it stands: as the stream has it, or as a later answer told, until the stream has moved on. */
export function useStanding({ revisions, split = '', trafficSet }: ModelInfo): Standing & { tell: (told: Told) => Standing } {
  const [told, setTold] = useState<Told & { from: string }>()
  if (told && told.from !== split) setTold(undefined)
  const standing = told?.from === split ? withTraffic(told) : { split, revisions, trafficSet }
  return {
    ...standing,
    tell(now) {
      setTold({ ...now, from: split })
      return withTraffic(now)
    },
  }

  function withTraffic({ traffic, etag, set }: Told): Standing {
    const shareOf = (name: string) => traffic.find((s) => s.revision === name)
    return { split: etag, trafficSet: set, revisions: revisions.map((r) => ({ ...r, percent: shareOf(r.name)?.percent ?? 0, tags: shareOf(r.name)?.tags ?? [] })) }
  }
}

/** The split that a conflict came with. */
export function toldBy({ kind, body }: Trouble): Told | undefined {
  return kind === 'conflict' && isObject(body) && Array.isArray(body.traffic) && typeof body.etag === 'string' ? (body as unknown as Told) : undefined
}
