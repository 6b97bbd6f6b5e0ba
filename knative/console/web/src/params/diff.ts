import { isObject } from '../isObject'
import { itemPath, memberPath } from './shape'

/** One place where two documents differ; undefined where there is nothing. */
export interface Change {
  path: string
  before: unknown
  after: unknown
}

/** What differs, by path, in the order of the documents. */
export function diff(before: unknown, after: unknown, path: string): Change[] {
  if (same(before, after)) return []
  if (isObject(before) && isObject(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)])
    return [...names].flatMap((name) => diff(before[name], after[name], memberPath(path, name)))
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length)
    return Array.from({ length }, (_, i) => diff(before[i], after[i], itemPath(path, i))).flat()
  }
  return [{ path, before, after }]
}

/** What differs between two versions: their params, and the components that they pin. */
export function diffVersions(before: { params: unknown; requires?: unknown }, after: { params: unknown; requires?: unknown }): Change[] {
  return [...diff(before.params, after.params, 'params'), ...diff(pins(before.requires), pins(after.requires), 'requires')]
}

/** Versions of components; their digests say nothing to a person. */
function pins(requires: unknown): Record<string, unknown> {
  return isObject(requires) ? Object.fromEntries(Object.entries(requires).map(([name, pin]) => [name, isObject(pin) ? pin.version : pin])) : {}
}

/** Equality of JSON; the order of names means nothing. */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b) || (a === 0 && b === 0)) return true
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((v, i) => same(v, b[i]))
  if (!isObject(a) || !isObject(b)) return false
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => name in b && same(a[name], b[name]))
}
