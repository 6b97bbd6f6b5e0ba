import { currentParams } from '../api'
import type { ModelInfo } from '../contract'
import { useWords } from '../i18n/language'
import { ReaderNotice } from '../session/SessionButton'
import { Panel } from '../ui/Panel'
import { useAsk } from '../ui/useAsk'
import { Waiting } from '../ui/Waiting'
import { paramsWords } from './words'

/** The params of a model. */
export default function ParamsTab({ model }: { model: ModelInfo }) {
  const w = useWords(paramsWords)
  const asked = useAsk(`${model.name}/${model.params?.version}`, (signal) => currentParams(model.name, signal))
  return (
    <Panel title={w.current}>
      <ReaderNotice />
      <Waiting asked={asked}>{({ document }) => <pre className="numbers">{JSON.stringify(document.params, null, 2)}</pre>}</Waiting>
    </Panel>
  )
}
