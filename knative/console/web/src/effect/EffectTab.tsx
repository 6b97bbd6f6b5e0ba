import { useMemo } from 'react'
import type { ModelInfo } from '../contract'
import { Effect } from './Effect'
import { Many } from './Many'
import { elementsOf } from './signature'
import { useDrawn } from './useDrawn'

export default function EffectTab({ model }: { model: ModelInfo }) {
  const { drawn } = useDrawn(model)
  const inputs = useMemo(() => model.signature && elementsOf(model.signature.inputs), [model.signature])
  return (
    <>
      <Effect model={model} />
      {inputs && inputs.length > 0 && <Many model={model} family={drawn} inputs={inputs} />}
    </>
  )
}
