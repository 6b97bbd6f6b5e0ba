import { act, render, screen, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { afterEach, expect, it, vi } from 'vitest'
import * as api from '../api'
import { live } from '../live/live'
import { Trouble } from '../trouble'
import { inputs } from './inputs'
import { TroubleNotice } from '../ui/Notice'
import { NeedsToken, SessionButton, SignInWhereNeeded } from './SessionButton'
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

it('leads from a token that is no longer good to another one, and forgets nothing that was typed', async () => {
  const typed = { texts: ['31'], sweep: 0, output: 0, table: '' }
  const asked = vi.spyOn(api, 'session').mockImplementation(async (token) => {
    if (token === 'wrong') throw new Trouble('signIn', 'unknown token')
    return token === 'fresh' ? 'bob' : 'alice'
  })
  const sent = vi.fn()
  render(
    <SignInWhereNeeded>
      <SessionButton />
      <form onSubmit={sent}>
        <TroubleNotice trouble={new Trouble('signIn', 'unknown token')} />
      </form>
    </SignInWhereNeeded>,
  )
  act(() => live.set((now) => ({ ...now, list: { managed: false, signIn: true, registry: 'ready', models: [] } })))
  act(() => inputs.set({ x: typed }))
  const show = async (token: string) => {
    await userEvent.click(screen.getByRole('button', { name: 'Show a token' }))
    await userEvent.type(screen.getByLabelText('Token'), `${token}{Enter}`)
  }
  await show('old')
  expect(await screen.findByText('alice')).toBeVisible()
  await show('wrong')
  const dialog = screen.getByRole('dialog')
  await within(dialog).findByRole('alert')
  expect(within(dialog).queryByRole('button', { name: 'Show a token' })).toBeNull()
  await userEvent.clear(screen.getByLabelText('Token'))
  await userEvent.type(screen.getByLabelText('Token'), 'fresh{Enter}')
  expect(await screen.findByText('bob')).toBeVisible()
  expect(asked).toHaveBeenCalledTimes(3)
  expect(sent).not.toHaveBeenCalled()
  expect(inputs.get()).toEqual({ x: typed })
})

it('signs nobody in whose question was cancelled, though the answer comes', async () => {
  let answer: (name: string) => void = () => {}
  const asked = vi.spyOn(api, 'session').mockReturnValue(new Promise((resolve) => (answer = resolve)))
  show(true)
  await userEvent.click(screen.getByRole('button', { name: 'Sign in' }))
  await userEvent.type(screen.getByLabelText('Token'), 'secret{Enter}')
  await userEvent.click(screen.getByRole('button', { name: 'Cancel' }))
  expect(asked.mock.lastCall![1]!.aborted).toBe(true)
  await act(async () => answer('alice'))
  expect(screen.getByText('reads')).toBeVisible()
  expect(sessionStorage).toHaveLength(0)
})

it('opens its dialog beside the words that say what needs a token, not inside their paragraph', async () => {
  render(<NeedsToken>What is not current needs a token.</NeedsToken>)
  act(() => live.set((now) => ({ ...now, list: { managed: false, signIn: true, registry: 'ready', models: [] } })))
  await userEvent.click(screen.getByRole('button', { name: 'Show a token' }))
  expect(screen.getByRole('dialog', { name: 'Sign in' }).closest('p')).toBeNull()
})
