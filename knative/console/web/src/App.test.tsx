import { act, render, screen, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { expect, it } from 'vitest'
import { App } from './App'
import { setLanguage } from './i18n/language'
import { live } from './live/live'
import type { ModelInfo } from './contract'

const modelA: ModelInfo = {
  name: 'model-a',
  kind: 'model',
  description: 'Says <b>things</b>.',
  signature: null,
  state: 'ready',
  params: { version: 3, digest: 'sha256:0', requires: [], author: 'alice', created: '2026-01-01T00:00:00Z' },
  revisions: [],
}

function tell(models: ModelInfo[], signIn = false) {
  act(() => live.set((now) => ({ ...now, link: 'open', list: { managed: false, signIn, registry: 'ready', models } })))
}

it('shows a model that appears, its text as it is', () => {
  render(<App />)
  tell([])
  expect(screen.getByText('There is no model yet')).toBeVisible()
  tell([modelA])
  const card = screen.getByRole('article')
  expect(within(card).getByRole('heading', { name: 'Model A' })).toBeVisible()
  expect(within(card).getByText('Says <b>things</b>.')).toBeVisible()
})

it('finds a model by what it is said to do, in the language in which that is shown', async () => {
  render(<App />)
  const description = 'Standardizes bmi, bp and s5: how many standard deviations each is above its mean.'
  tell(Array.from({ length: 9 }, (_, i) => ({ ...modelA, name: `m-${i}`, description: i === 4 ? description : '' })))
  const search = async (text: string) => {
    await userEvent.clear(screen.getByRole('searchbox'))
    await userEvent.type(screen.getByRole('searchbox'), text)
  }
  await search('standardizes')
  expect(screen.getByRole('article')).toHaveTextContent('m-4')
  act(() => setLanguage('zh'))
  await search('标准差')
  expect(screen.getByRole('article')).toHaveTextContent('m-4')
  await search('standardizes')
  expect(screen.queryByRole('article')).toBeNull()
})

it('speaks Chinese and English', async () => {
  render(<App />)
  tell([modelA])
  await userEvent.click(screen.getByRole('button', { name: '切换到中文' }))
  expect(screen.getByRole('heading', { name: '模型 A' })).toBeVisible()
  expect(document.documentElement.lang).toBe('zh-CN')
  await userEvent.click(screen.getByRole('button', { name: 'Switch to English' }))
  expect(screen.getByRole('heading', { name: 'Model A' })).toBeVisible()
})

it('keeps the chosen theme', async () => {
  render(<App />)
  await userEvent.click(screen.getByRole('button', { name: /^Theme/ }))
  expect(document.documentElement.dataset.theme).toBe('light')
  await userEvent.click(screen.getByRole('button', { name: /^Theme/ }))
  expect(document.documentElement.dataset.theme).toBe('dark')
  expect(localStorage.getItem('modelfn.theme')).toBe('dark')
  await userEvent.click(screen.getByRole('button', { name: /^Theme/ }))
  expect(document.documentElement.dataset.theme).toBeUndefined()
})

it('offers to sign in only where that is needed', () => {
  render(<App />)
  tell([modelA])
  expect(screen.queryByRole('button', { name: 'Sign in' })).toBeNull()
  tell([modelA], true)
  expect(screen.getByRole('button', { name: 'Sign in' })).toBeVisible()
})
