import { memo } from 'react'
import type { ModelInfo } from '../contract'
import { useFormat } from '../i18n/format'
import { useWords } from '../i18n/language'
import { useModelName, useTranslated } from '../i18n/names'
import { Link } from '../router'
import { useNow } from '../ui/useNow'
import { Load } from './Load'
import style from './ModelCard.module.css'
import { Replicas } from './Replicas'
import { StatePill } from './StatePill'
import { Traffic } from './Traffic'
import { modelsWords } from './words'

/** What a model does, which params it runs, and how it is doing. All of it leads to the model's page. */
export const ModelCard = memo(function ModelCard({ model }: { model: ModelInfo }) {
  const w = useWords(modelsWords)
  const modelName = useModelName()
  const translated = useTranslated()
  const description = translated(model.description)
  const deployed = model.state !== 'inside' && model.state !== 'absent'
  return (
    <article className={style.card}>
      <header className={style.header}>
        <h2>
          <Link to={{ page: 'model', model: model.name, tab: model.kind === 'model' && deployed ? 'effect' : 'params' }} className={style.link}>
            {modelName(model.name)}
          </Link>
        </h2>
        <StatePill model={model} />
      </header>
      {description && <p className={style.text}>{description}</p>}
      {model.reason && <p className={style.reason}>{model.reason}</p>}
      <dl className={style.facts}>
        <div>
          <dt>{w.params}</dt>
          <dd>{model.params ? <Params params={model.params} /> : w.noParams}</dd>
        </div>
        {deployed && (
          <div>
            <dt>{w.replicas}</dt>
            <dd>
              <Replicas model={model} />
            </dd>
          </div>
        )}
      </dl>
      {model.kind === 'model' && deployed && <Load model={model.name} />}
      <Traffic revisions={model.revisions} />
    </article>
  )
})

function Params({ params }: { params: NonNullable<ModelInfo['params']> }) {
  const w = useWords(modelsWords)
  const { ago, moment } = useFormat()
  const now = useNow()
  const { version, author, created, message } = params
  const when = created && (
    <time dateTime={created} onPointerEnter={(event) => (event.currentTarget.title = moment(created))}>
      {ago(created, now)}
    </time>
  )
  return (
    <>
      <strong>v{version}</strong>{' '}
      <span className={style.soft}>
        {author && w.by(author)}
        {when}
        {message && <q className={style.message}>{message}</q>}
      </span>
    </>
  )
}
