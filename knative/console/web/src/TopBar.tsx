import { setLanguage, useLanguage, useWords } from './i18n/language'
import { Link, type Place } from './router'
import { SessionButton } from './session/SessionButton'
import style from './TopBar.module.css'
import { Button } from './ui/Button'
import { Icon } from './ui/Icon'
import { setTheme, useTheme } from './ui/theme'
import { appWords } from './words'

const nextTheme = { system: 'light', light: 'dark', dark: 'system' } as const
const themeIcon = { system: 'system', light: 'sun', dark: 'moon' } as const

export function TopBar({ place }: { place: Place }) {
  const w = useWords(appWords)
  const language = useLanguage()
  const theme = useTheme()
  const current = (yes: boolean) => (yes ? 'page' : undefined)
  return (
    <header className={style.bar}>
      <div className={style.inner}>
        <Link to={{ page: 'models' }} className={style.brand}>
          <img src="/icon.svg" alt="" width="26" height="26" />
          modelfn
        </Link>
        <nav className={style.nav} aria-label={w.nav}>
          <Link to={{ page: 'models' }} aria-current={current(place.page === 'models' || place.page === 'model')}>
            {w.models}
          </Link>
          <Link to={{ page: 'events' }} aria-current={current(place.page === 'events')}>
            {w.events}
          </Link>
        </nav>
        <div className={style.tools}>
          <SessionButton /> {/* comes late, and so where it moves nothing */}
          <Button look="quiet" className={style.tool} lang={w.languageTag} aria-label={w.languageLabel} onClick={() => setLanguage(language === 'zh' ? 'en' : 'zh')}>
            {w.language}
          </Button>
          <Button look="quiet" className={style.tool} aria-label={w.theme[theme]} title={w.theme[theme]} onClick={() => setTheme(nextTheme[theme])}>
            <Icon name={themeIcon[theme]} />
          </Button>
        </div>
      </div>
    </header>
  )
}
