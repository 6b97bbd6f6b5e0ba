import { useEffect } from 'react'
import { currentParams } from '../api'
import type { ModelInfo } from '../contract'
import { useLive } from '../live/live'
import { createStore, useStore } from '../store'
import { quantileOf } from './family'

/** The quantile of the params with this digest; as long as it is asked for, that of those before. */
interface Known {
  digest: string
  asking: boolean
  quantile?: number
}

export type Quantiles = Readonly<Record<string, Known>>

const store = createStore<Quantiles>({})

/**
 * The quantiles of the params that serve, by model. Each is asked for once, beside the predictions, which do not wait for it;
 * where the registry does not answer, again when it is there again. A model without one, or without a registry, has none.
 */
export function useQuantiles(family: ModelInfo[]): Quantiles {
  const registry = useLive((l) => l.list?.registry)
  const wanted = JSON.stringify(family.flatMap(({ name, params }) => (params ? [[name, params.digest]] : [])))
  useEffect(() => {
    if (registry !== 'ready') return
    for (const [name, digest] of JSON.parse(wanted) as [string, string][]) {
      if (store.get()[name]?.digest !== digest) void ask(name, digest)
    }
  }, [wanted, registry])
  return useStore(store, (all) => all)
}

async function ask(name: string, digest: string) {
  keep(name, { ...store.get()[name], digest, asking: true })
  const answer = await currentParams(name).then(
    ({ document }): Known => ({ digest, asking: false, quantile: quantileOf(document) }),
    (): Known => ({ digest: '', asking: false }),
  )
  if (store.get()[name]?.digest === digest) keep(name, answer)
}

function keep(name: string, known: Known) {
  store.set((all) => ({ ...all, [name]: known }))
}
