import { useMemo } from 'react'
import type { ModelInfo } from '../contract'
import { useLive } from '../live/live'
import { Effect } from './Effect'
import { familyOf } from './family'
import { Many } from './Many'
import { elementsOf } from './signature'

export default function EffectTab({ model }: { model: ModelInfo }) {
  const models = useLive((l) => l.list?.models)
  const family = useMemo(() => familyOf(models ?? [model], model), [models, model])
  const inputs = useMemo(() => model.signature && elementsOf(model.signature.inputs), [model.signature])
  return (
    <>
      <Effect model={model} />
      {inputs && inputs.length > 0 && <Many model={model} family={family} inputs={inputs} />}
    </>
  )
}
