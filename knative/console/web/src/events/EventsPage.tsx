import { useFormat } from '../i18n/format'
import { useWords } from '../i18n/language'
import { useModelName } from '../i18n/names'
import { useLive } from '../live/live'
import { PageTitle } from '../ui/PageTitle'
import { Panel } from '../ui/Panel'
import { eventsWords } from './words'

/** What happened to params, as it happens. */
export default function EventsPage() {
  const w = useWords(eventsWords)
  const modelName = useModelName()
  const { moment } = useFormat()
  const log = useLive((l) => l.log)
  return (
    <>
      <PageTitle title={w.title} lead={w.lead} />
      <Panel title={w.log}>
        <ol>
          {log.map((e) => (
            <li key={`${e.model}/${e.version}`}>
              {e.created && moment(e.created)} {e.author} {modelName(e.model)} v{e.version} {e.message}
            </li>
          ))}
        </ol>
      </Panel>
    </>
  )
}
