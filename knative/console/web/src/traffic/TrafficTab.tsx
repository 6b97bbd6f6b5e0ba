import type { ModelInfo } from '../contract'
import { useWords } from '../i18n/language'
import { Panel } from '../ui/Panel'
import { trafficWords } from './words'

/** The revisions of a model, and the share of the traffic that each has. */
export default function TrafficTab({ model }: { model: ModelInfo }) {
  const w = useWords(trafficWords)
  return (
    <Panel title={w.revisions}>
      <ul>
        {model.revisions.map((revision) => (
          <li key={revision.name} className="numbers">
            {revision.name} {revision.percent} %
          </li>
        ))}
      </ul>
    </Panel>
  )
}
