import { Suspense } from 'react'
import EffectTab from '../effect/EffectTab'
import type { ModelInfo } from '../contract'
import { useTranslated, useModelName } from '../i18n/names'
import { useWords } from '../i18n/language'
import { useLive } from '../live/live'
import { StatePill } from '../models/StatePill'
import { ParamsTab, TrafficTab } from '../parts'
import { Link, type Tab } from '../router'
import { ErrorBoundary } from '../ui/ErrorBoundary'
import { Notice } from '../ui/Notice'
import { PageTitle } from '../ui/PageTitle'
import { Pill } from '../ui/Pill'
import { Placeholder } from '../ui/Waiting'
import style from './ModelPage.module.css'
import { modelWords } from './words'

/** One model: what it does with an input, its params, and where its traffic goes. */
export default function ModelPage({ name, tab, beside }: { name: string; tab: Tab; beside?: string[] }) {
  const w = useWords(modelWords)
  const list = useLive((l) => l.list)
  const modelName = useModelName()
  const translated = useTranslated()
  const model = list?.models.find((m) => m.name === name)
  return (
    <>
      <PageTitle title={modelName(name)} lead={translated(model?.description)}>
        {model && <StatePill model={model} />}
        {model?.params && <Pill tone="accent">{w.version(model.params.version)}</Pill>}
      </PageTitle>
      {!list && <Placeholder lines={6} />}
      {list && !model && <Notice title={w.unknown(name)}>{w.mayCome}</Notice>}
      {model && (
        <>
          <nav className={style.tabs} aria-label={modelName(name)}>
            {tabsOf(model, list?.managed ?? false).map((t) => (
              <Link key={t} to={{ page: 'model', model: name, tab: t, beside }} aria-current={t === tab ? 'page' : undefined}>
                {w.tab[t]}
              </Link>
            ))}
          </nav>
          <ErrorBoundary key={tab}>
            <Suspense fallback={<Placeholder lines={6} />}>
              {tab === 'effect' && <EffectTab model={model} />}
              {tab === 'params' && <ParamsTab model={model} />}
              {tab === 'traffic' && <TrafficTab model={model} />}
            </Suspense>
          </ErrorBoundary>
        </>
      )}
    </>
  )
}

/** A component within the models answers nothing itself, and only a cluster has revisions. */
function tabsOf(model: ModelInfo, managed: boolean): Tab[] {
  const inside = model.state === 'inside'
  return [...(inside ? [] : ['effect' as const]), 'params', ...(managed && !inside ? ['traffic' as const] : [])]
}
