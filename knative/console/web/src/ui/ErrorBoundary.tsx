import { Component, type ReactNode, useState } from 'react'
import { revive } from '../again'
import { useWords } from '../i18n/language'
import { Trouble } from '../trouble'
import { Button } from './Button'
import { Notice } from './Notice'
import { troubleWords, uiWords } from './words'

/** Keeps a part of the page that broke from taking the rest with it. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null }

  static getDerivedStateFromError(error: unknown) {
    return { error: error instanceof Error ? error : new Error(String(error)) }
  }

  override render() {
    if (!this.state.error) return this.props.children
    return <Broken error={this.state.error} again={() => this.setState({ error: null })} />
  }
}

function Broken({ error, again }: { error: Error; again: () => void }) {
  const w = useWords(uiWords)
  const said = useWords(troubleWords)
  const [busy, setBusy] = useState(false)

  async function start() {
    setBusy(true)
    await revive()
    setBusy(false)
    again()
  }

  const action = (
    <Button busy={busy} onClick={() => void start()}>
      {w.again}
    </Button>
  )
  return (
    <Notice tone="bad" title={error instanceof Trouble ? w.missing : w.broke} action={action}>
      {error instanceof Trouble && <p>{said[error.kind]}</p>}
      <code>{error.message}</code>
    </Notice>
  )
}
