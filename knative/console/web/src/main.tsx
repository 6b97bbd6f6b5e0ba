import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './App'
import { openStream } from './early'
import { startLive } from './live/live'
import { partsOf } from './parts'
import { parsePlace } from './router'
import './ui/base.css'

startLive(openStream)
void partsOf(parsePlace(window.location.hash)).then(() =>
  createRoot(document.getElementById('root')!).render(
    <StrictMode>
      <App />
    </StrictMode>,
  ),
)
