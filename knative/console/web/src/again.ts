import { Trouble } from './trouble'

/*
 * Files of the page that are loaded later, and that may not come then. Many browsers keep a failed import for as long as
 * the page stands, and answer each further one with it (whatwg/html#6768): trying again may need a new page.
 */

const failed = new Set<() => Promise<unknown>>()

/** Loads a file of the page; throws a Trouble of kind "gone" if it does not come. */
export async function fetched<T>(load: () => Promise<T>): Promise<T> {
  try {
    const file = await load()
    failed.delete(load)
    return file
  } catch (error) {
    failed.add(load)
    throw new Trouble('gone', String(error))
  }
}

/** Loads what did not come once more. If it still does not, the page begins anew, as soon as there is one to be had: it keeps what was typed. */
export async function revive() {
  const tried = await Promise.allSettled([...failed].map(fetched))
  if (tried.some(({ status }) => status === 'rejected') && (await page.isThere())) page.reload()
}

export const page = {
  isThere: () => fetch(window.location.pathname, { cache: 'no-store', headers: { Accept: 'text/html' } }).then(({ ok }) => ok, () => false),
  reload: () => window.location.reload(),
}
