import { useDeferredValue, useState } from 'react'
import type { ModelInfo } from '../contract'
import { useWords } from '../i18n/language'
import { useModelName, useTranslated } from '../i18n/names'
import { useLive } from '../live/live'
import { Field } from '../ui/Field'
import { Notice } from '../ui/Notice'
import { PageTitle } from '../ui/PageTitle'
import { Placeholder } from '../ui/Waiting'
import { ModelCard } from './ModelCard'
import style from './ModelsPage.module.css'
import { modelsWords } from './words'

/** From how many models on a person would rather search. */
const many = 9

export function ModelsPage() {
  const w = useWords(modelsWords)
  const modelName = useModelName()
  const translated = useTranslated()
  const list = useLive((l) => l.list)
  const [text, setText] = useState('')
  const wanted = useDeferredValue(text.trim().toLowerCase())
  const all = list?.models ?? []
  const fits = ({ name, description }: ModelInfo) => [name, modelName(name), translated(description)].some((t) => t.toLowerCase().includes(wanted))
  const found = all.filter(fits)
  const models = found.filter((m) => m.kind === 'model')
  const components = found.filter((m) => m.kind === 'component')
  return (
    <>
      <PageTitle title={w.title} lead={w.lead} />
      {!list && <Placeholder lines={6} />}
      {list && all.length === 0 && <Notice title={w.none}>{w.noneYet}</Notice>}
      {all.length >= many && <Field className={style.search} label={w.search} type="search" value={text} onChange={(e) => setText(e.target.value)} hint={w.found(found.length, all.length)} />}
      <Cards models={models} />
      {components.length > 0 && (
        <section className={style.components} aria-labelledby="components">
          <h2 id="components">{w.components}</h2>
          <p className={style.lead}>{w.componentsLead}</p>
          <Cards models={components} />
        </section>
      )}
    </>
  )
}

function Cards({ models }: { models: ModelInfo[] }) {
  return (
    <ul className={`${style.cards} ${models.length >= many ? style.many : ''}`}>
      {models.map((model) => (
        <li key={model.name}>
          <ModelCard model={model} />
        </li>
      ))}
    </ul>
  )
}
