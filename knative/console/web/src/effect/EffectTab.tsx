import type { ModelInfo } from '../contract'
import { Effect } from './Effect'

export default function EffectTab({ model }: { model: ModelInfo }) {
  return <Effect model={model} />
}
