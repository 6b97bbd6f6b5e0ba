import '@testing-library/jest-dom/vitest'
import { cleanup, configure } from '@testing-library/react'
import { afterEach } from 'vitest'
import { live } from './live/live'
import { setLanguage } from './i18n/language'

/* What every unit test starts from: English, nothing kept, no stream. */

// jsdom knows <dialog>, but not how to open one.
HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
  this.open = true
}
HTMLDialogElement.prototype.close ??= function (this: HTMLDialogElement) {
  this.open = false
}
window.scrollTo = () => {}
Element.prototype.scrollIntoView ??= () => {}

// A busy machine is no reason to fail.
configure({ asyncUtilTimeout: 30_000 })

const pristine = live.get()

afterEach(() => {
  cleanup()
  localStorage.clear()
  sessionStorage.clear()
  live.set(pristine)
  window.location.hash = ''
  setLanguage('en')
  localStorage.clear()
})
