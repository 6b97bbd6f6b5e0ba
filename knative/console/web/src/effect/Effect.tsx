import { useState } from 'react'
import { evaluate, predict } from '../api'
import type { ModelInfo, Requires } from '../contract'
import { useFormat } from '../i18n/format'
import { useWords } from '../i18n/language'
import { useTranslated } from '../i18n/names'
import { Field } from '../ui/Field'
import { Notice } from '../ui/Notice'
import { Panel } from '../ui/Panel'
import { useAsk } from '../ui/useAsk'
import { Waiting } from '../ui/Waiting'
import { effectWords } from './words'

/** Params that are nowhere stored, to be seen beside those that serve. */
export interface Proposed {
  params: unknown
  requires?: Requires
}

/** What a model makes of an input, as one types; with `proposed` params, now against proposed. */
export function Effect({ model, proposed }: { model: ModelInfo; proposed?: Proposed }) {
  const w = useWords(effectWords)
  const translated = useTranslated()
  const { number } = useFormat()
  const inputs = model.signature?.inputs ?? []
  const [values, setValues] = useState(() => inputs.map((i) => (i.range ? (i.range.min + i.range.max) / 2 : 0)))
  const key = JSON.stringify([model.name, model.params?.version, values, proposed])
  const asked = useAsk(inputs.length > 0 ? key : '', async (signal) => {
    const [now, next] = await Promise.all([predict(model.name, [values], signal), proposed && evaluate(model.name, proposed, [values], signal)])
    return { now, next }
  })
  if (inputs.length === 0) return <Notice>{w.noSignature}</Notice>
  return (
    <>
      <Panel title={w.input}>
        {inputs.map((input, i) => (
          <Field
            key={input.name}
            label={input.name}
            hint={[translated(input.description), input.unit].filter(Boolean).join(', ')}
            type="number"
            step="any"
            value={values[i]}
            onChange={(e) => setValues(values.map((v, j) => (j === i ? e.target.valueAsNumber || 0 : v)))}
          />
        ))}
      </Panel>
      <Panel title={w.output}>
        <Waiting asked={asked}>
          {({ now, next }) => (
            <p className="numbers">
              {number(Number(now.outputs[0]), 2)}
              {next && <> → {number(Number(next.outputs[0]), 2)}</>}
            </p>
          )}
        </Waiting>
      </Panel>
    </>
  )
}
