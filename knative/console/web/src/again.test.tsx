import { render, screen, waitFor } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { Suspense } from 'react'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { page, revive } from './again'
import { part } from './parts'
import { ErrorBoundary } from './ui/ErrorBoundary'

const gone = new TypeError('Failed to fetch dynamically imported module')
let reload: ReturnType<typeof vi.spyOn>

beforeEach(() => {
  reload = vi.spyOn(page, 'reload').mockReturnValue(undefined)
  vi.spyOn(console, 'error').mockReturnValue(undefined)
})

/** What failed in one test is not tried again in the next. */
afterEach(async () => {
  vi.spyOn(page, 'isThere').mockResolvedValue(false)
  await revive()
})

function show(load: () => Promise<{ default: () => string }>) {
  const { Part } = part(load)
  return render(
    <ErrorBoundary>
      <Suspense fallback="wait">
        <Part />
      </Suspense>
    </ErrorBoundary>,
  )
}

const again = async () => userEvent.click(await screen.findByRole('button', { name: 'Start it again' }))

describe('a part of the page that did not come', () => {
  it('is fetched again when a person says so', async () => {
    const load = vi.fn<() => Promise<{ default: () => string }>>().mockRejectedValueOnce(gone).mockResolvedValue({ default: () => 'here' })
    show(load)
    expect(await screen.findByRole('alert')).toHaveTextContent('Nobody answers.')
    expect(load).toHaveBeenCalledOnce()
    await again()
    expect(await screen.findByText('here')).toBeVisible()
    expect(reload).not.toHaveBeenCalled()
  })

  it('comes with a new page, where the browser keeps the failure', async () => {
    vi.spyOn(page, 'isThere').mockResolvedValue(true)
    let kept = true
    show(async () => {
      if (kept) throw gone
      return { default: () => 'here' }
    })
    await again()
    expect(reload).toHaveBeenCalledOnce()
    kept = false
  })

  it('leaves the page as it is, while there is no other', async () => {
    const there = vi.spyOn(page, 'isThere').mockResolvedValue(false)
    let kept = true
    show(async () => {
      if (kept) throw gone
      return { default: () => 'here' }
    })
    await again()
    await waitFor(() => expect(there).toHaveBeenCalled())
    expect(await screen.findByRole('alert')).toHaveTextContent('Nobody answers.')
    expect(reload).not.toHaveBeenCalled()
    kept = false
    await again()
    expect(await screen.findByText('here')).toBeVisible()
  })
})
