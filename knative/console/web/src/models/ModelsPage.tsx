import { useWords } from '../i18n/language'
import { useLive } from '../live/live'
import { Notice } from '../ui/Notice'
import { PageTitle } from '../ui/PageTitle'
import { Placeholder } from '../ui/Waiting'
import { ModelCard } from './ModelCard'
import style from './ModelsPage.module.css'
import { modelsWords } from './words'

export function ModelsPage() {
  const w = useWords(modelsWords)
  const list = useLive((l) => l.list)
  return (
    <>
      <PageTitle title={w.title} lead={w.lead} />
      {!list && <Placeholder lines={6} />}
      {list?.models.length === 0 && <Notice title={w.none}>{w.noneYet}</Notice>}
      <ul className={style.cards}>
        {list?.models.map((model) => (
          <li key={model.name}>
            <ModelCard model={model} />
          </li>
        ))}
      </ul>
    </>
  )
}
