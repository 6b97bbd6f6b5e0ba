import type { ModelInfo } from '../contract'
import { useFormat } from '../i18n/format'
import { useWords } from '../i18n/language'
import { useModelName, useTranslated } from '../i18n/names'
import { useLive } from '../live/live'
import { standingOf } from '../live/replicas'
import { Link } from '../router'
import { StatePill } from './StatePill'
import style from './ModelCard.module.css'
import { modelsWords } from './words'

export function ModelCard({ model }: { model: ModelInfo }) {
  const w = useWords(modelsWords)
  const modelName = useModelName()
  const translated = useTranslated()
  const { ago } = useFormat()
  const replicas = useLive((l) => l.replicas[model.name])
  const standing = replicas && standingOf(replicas)
  const { params } = model
  return (
    <article className={style.card}>
      <header className={style.header}>
        <h2>
          <Link to={{ page: 'model', model: model.name, tab: 'effect' }}>{modelName(model.name)}</Link>
        </h2>
        <StatePill model={model} />
      </header>
      <p className={style.text}>{translated(model.description)}</p>
      <dl className={style.facts}>
        {params && (
          <div>
            <dt>{w.params}</dt>
            <dd>
              v{params.version}
              {params.created && <> {params.author ? w.by(params.author, ago(params.created)) : w.at(ago(params.created))}</>}
            </dd>
          </div>
        )}
        {standing && (
          <div>
            <dt>{w.replicas}</dt>
            <dd>{standing.all.length === 0 ? w.noReplicas : w.onVersion(standing.onVersion, standing.all.length, replicas.version)}</dd>
          </div>
        )}
      </dl>
    </article>
  )
}
