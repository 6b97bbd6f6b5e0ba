import { Component, type ReactNode } from 'react'
import { useWords } from '../i18n/language'
import { Button } from './Button'
import { Notice } from './Notice'
import { uiWords } from './words'

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
  return (
    <Notice tone="bad" title={w.broke} action={<Button onClick={again}>{w.again}</Button>}>
      <code>{error.message}</code>
    </Notice>
  )
}
