import { act, render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { afterEach, expect, it, vi } from 'vitest'
import * as api from '../api'
import { live } from '../live/live'
import { Trouble } from '../trouble'
import { NeedsToken, SessionButton } from './SessionButton'
import { signOut, useSession } from './session'

function Rights() {
  const { mayWrite } = useSession()
  return <p>{mayWrite ? 'writes' : 'reads'}</p>
}

function show(signIn: boolean) {
  render(
    <>
      <SessionButton />
      <Rights />
    </>,
  )
  act(() => live.set((now) => ({ ...now, list: { managed: false, signIn, registry: 'ready', models: [] } })))
}

afterEach(() => act(signOut))

it('lets everybody write where no token is needed', () => {
  show(false)
  expect(screen.getByText('writes')).toBeVisible()
})

it('refuses a token that nobody knows, and keeps nothing of it', async () => {
  vi.spyOn(api, 'session').mockRejectedValue(new Trouble('signIn', 'unknown token'))
  show(true)
  await userEvent.click(screen.getByRole('button', { name: 'Sign in' }))
  await userEvent.type(screen.getByLabelText('Token'), 'wrong{Enter}')
  expect(await screen.findByRole('alert')).toHaveTextContent('This needs a token that is known here.')
  expect(screen.getByText('reads')).toBeVisible()
  expect(sessionStorage).toHaveLength(0)
})

it('keeps a good one for the session, until one signs out', async () => {
  vi.spyOn(api, 'session').mockResolvedValue('alice')
  show(true)
  await userEvent.click(screen.getByRole('button', { name: 'Sign in' }))
  await userEvent.type(screen.getByLabelText('Token'), 'secret{Enter}')
  await screen.findByText('writes')
  expect(sessionStorage.getItem('modelfn.token')).toContain('secret')
  expect(JSON.stringify(localStorage)).not.toContain('secret')
  await userEvent.click(screen.getByRole('button', { name: /alice/ }))
  expect(screen.getByText('reads')).toBeVisible()
  expect(sessionStorage).toHaveLength(0)
})

it('opens its dialog beside the words that say what needs a token, not inside their paragraph', async () => {
  render(<NeedsToken>What is not current needs a token.</NeedsToken>)
  act(() => live.set((now) => ({ ...now, list: { managed: false, signIn: true, registry: 'ready', models: [] } })))
  await userEvent.click(screen.getByRole('button', { name: 'Show a token' }))
  expect(screen.getByRole('dialog', { name: 'Sign in' }).closest('p')).toBeNull()
})
