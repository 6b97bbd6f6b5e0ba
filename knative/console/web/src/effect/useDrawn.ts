import { useMemo } from 'react'
import type { ModelInfo } from '../contract'
import { useLive } from '../live/live'
import { turnInto, usePlace } from '../router'
import { drawnOf, familyOf } from './family'

/** The family of a model, and those of it that are drawn together with the model; the address keeps who was chosen. */
export function useDrawn(model: ModelInfo) {
  const place = usePlace()
  const models = useLive((l) => l.list?.models)
  const here = place.page === 'model' && place.model === model.name ? place : undefined
  const family = useMemo(() => familyOf(models ?? [model], model), [models, model])
  const drawn = useMemo(() => drawnOf(family, model, here?.beside), [family, model, here?.beside])
  const draw = (beside: string[]) => turnInto({ page: 'model', model: model.name, tab: here?.tab ?? 'effect', beside })
  return { family, drawn, draw }
}
