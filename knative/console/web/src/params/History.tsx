import type { Tagged } from '../api'
import type { Document, ModelInfo } from '../contract'
import { useWords } from '../i18n/language'
import { TroubleNotice } from '../ui/Notice'
import { Panel } from '../ui/Panel'
import style from './History.module.css'
import { Timeline } from './Timeline'
import { useHistory } from './useHistory'
import type { Known } from './useParams'
import { VersionDetail } from './VersionDetail'
import { paramsWords } from './words'

interface Props {
  model: ModelInfo
  known: Known
  newest: number
  chosen: number
  onChoose: (version: number) => void
  onLook: (document: Document) => void
  onWritten: (written: Tagged) => void
  onOvertaken: (theirs: Tagged) => void
}

/** All versions of a model, and what one of them changed. */
export function History({ model, known, newest, chosen, onChoose, onLook, onWritten, onOvertaken }: Props) {
  const w = useWords(paramsWords)
  const history = useHistory(model.name)
  return (
    <Panel title={w.history} aside={<span className={style.count}>{w.versions(newest)}</span>}>
      {history.trouble && <TroubleNotice trouble={history.trouble} retry={history.retry} />}
      <div className={style.split}>
        <Timeline history={history} newest={newest} current={known.document.held ? 0 : known.document.version} chosen={chosen} onChoose={onChoose} />
        <VersionDetail model={model} known={known} version={chosen} newest={newest} history={history} onLook={onLook} onWritten={onWritten} onOvertaken={onOvertaken} />
      </div>
    </Panel>
  )
}
