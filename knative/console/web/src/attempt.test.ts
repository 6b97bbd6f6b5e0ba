import { describe, expect, it, vi } from 'vitest'

describe('where storage is forbidden', () => {
  it('language, theme and drafts are there all the same', async () => {
    for (const name of ['localStorage', 'sessionStorage'] as const) {
      vi.spyOn(window, name, 'get').mockImplementation(() => {
        throw new DOMException('forbidden', 'SecurityError')
      })
    }
    vi.resetModules()
    const { setLanguage } = await import('./i18n/language')
    const { setTheme } = await import('./ui/theme')
    const { draftOf, keepDraft } = await import('./params/drafts')
    setLanguage('zh')
    setTheme('dark')
    expect(document.documentElement.lang).toBe('zh-CN')
    expect(document.documentElement.dataset.theme).toBe('dark')
    const draft = { base: { model: 'model-a', version: 1, digest: '', params: {} }, etag: '"1-a"', typed: { bias: '1.50' }, requires: {}, message: '' }
    expect(draftOf('model-a')).toBeUndefined()
    keepDraft('model-a', draft)
    expect(draftOf('model-a')).toMatchObject(draft)
    vi.restoreAllMocks()
    setLanguage('en')
    setTheme('system')
  })
})
