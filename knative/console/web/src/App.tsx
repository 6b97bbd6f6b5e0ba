import { Suspense } from 'react'
import { useWords } from './i18n/language'
import { LinkNotice } from './live/LinkNotice'
import { ModelsPage } from './models/ModelsPage'
import { EventsPage, ModelPage } from './parts'
import { type Place, usePlace } from './router'
import { SignInWhereNeeded } from './session/SessionButton'
import style from './App.module.css'
import { ErrorBoundary } from './ui/ErrorBoundary'
import { PageTitle } from './ui/PageTitle'
import { Toasts } from './ui/toast'
import { Placeholder } from './ui/Waiting'
import { TopBar } from './TopBar'
import { appWords } from './words'

export function App() {
  const w = useWords(appWords)
  const place = usePlace()
  return (
    <>
      <button type="button" className={style.skip} onClick={() => document.querySelector('main')?.focus()}>
        {w.skip}
      </button>
      <TopBar place={place} />
      <main className={style.main} tabIndex={-1}>
        <LinkNotice />
        <SignInWhereNeeded>
          <ErrorBoundary key={place.page === 'model' ? place.model : place.page}>
            <Suspense fallback={<Placeholder lines={6} />}>
              <Here place={place} />
            </Suspense>
          </ErrorBoundary>
        </SignInWhereNeeded>
      </main>
      <Toasts />
    </>
  )
}

function Here({ place }: { place: Place }) {
  const w = useWords(appWords)
  switch (place.page) {
    case 'models':
      return <ModelsPage />
    case 'model':
      return <ModelPage key={place.model} name={place.model} tab={place.tab} beside={place.beside} />
    case 'events':
      return <EventsPage />
    case 'lost':
      return <PageTitle title={w.lost} lead={<a href="#/">{w.toModels}</a>} />
  }
}
