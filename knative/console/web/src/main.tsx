import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './App'
import { openStream } from './early'
import { startLive } from './live/live'
import { partsOf } from './parts'
import { parsePlace } from './router'
import './ui/base.css'

const root = document.getElementById('root')!
root.dataset.begun = ''
startLive(openStream)
void partsOf(parsePlace(window.location.hash)).then(() =>
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  ),
)
