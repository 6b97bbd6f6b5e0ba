import { useMemo, useState } from 'react'
import { currentParams, schemaOf, type Tagged, versionsOf } from '../api'
import type { Document, JsonSchema, ModelInfo } from '../contract'
import { useLive } from '../live/live'
import { Trouble } from '../trouble'
import { type Asked, useAsk } from '../ui/useAsk'

/** What the page works on: the current document, or the newest if all are held, and the tag that a write of the next one names. */
export interface Known extends Tagged {
  schema: JsonSchema
}

/** The params of a model, kept up with what the stream tells. `learn` takes what a write answered, before the stream has it. */
export function useParams(model: ModelInfo): { asked: Asked<Known>; known: Known | undefined; learn: (written: Tagged) => void } {
  const [learned, learn] = useState<Tagged>()
  const asked = useAsk(
    `${model.name} ${model.params?.digest} ${model.params?.version}`,
    async (signal) => {
      const [tagged, schema] = await Promise.all([current(model.name, signal), schemaOf(model.name, signal)])
      return { ...tagged, schema }
    },
    true,
  )
  const known = useMemo(() => {
    if (!asked.data || !learned || learned.document.version <= asked.data.document.version) return asked.data
    return { ...asked.data, ...learned }
  }, [asked.data, learned])
  return { asked, known, learn }
}

/** Where all versions are held there is no current one; then the newest stands for it, and a write expects that it stays so. */
async function current(model: string, signal: AbortSignal): Promise<Tagged> {
  try {
    return await currentParams(model, signal)
  } catch (error) {
    if (!(error instanceof Trouble) || error.status !== 404) throw error
    const [newest] = (await versionsOf(model, { limit: 1 }, signal)).versions
    if (!newest) throw error
    return { document: newest, etag: '' }
  }
}

/** The newest version of a model that was heard of, held or not. */
export function useNewest(model: ModelInfo, known: Document | undefined): number {
  const heard = useLive((l) => l.log.reduce((most, e) => (e.model === model.name ? Math.max(most, e.version) : most), 0))
  return Math.max(heard, known?.version ?? 0, model.params?.version ?? 0)
}
