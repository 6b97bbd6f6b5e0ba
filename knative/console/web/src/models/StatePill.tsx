import type { ModelInfo } from '../contract'
import { useWords } from '../i18n/language'
import { Pill } from '../ui/Pill'
import { modelsWords } from './words'

const tones = { ready: 'good', starting: 'warn', zero: 'calm', failing: 'bad', inside: 'calm', absent: 'calm' } as const

export function StatePill({ model }: { model: ModelInfo }) {
  const w = useWords(modelsWords)
  return (
    <Pill tone={tones[model.state]} dot>
      {w.state[model.state]}
    </Pill>
  )
}
