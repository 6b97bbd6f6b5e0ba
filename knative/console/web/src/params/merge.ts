import { isObject } from '../isObject'
import { same } from './diff'
import { itemPath, memberPath } from './shape'

/** A place that somebody changed, in three states: where both began, what I made of it, and what they did. */
export interface Choice {
  path: string
  base: unknown
  mine: unknown
  theirs: unknown
  /** Who changed it; "both" if they made different things of it. */
  who: 'mine' | 'theirs' | 'both'
}

export type Side = 'mine' | 'theirs'

/**
 * All places that differ among three documents. Objects are compared member by member, and lists item by item if none
 * grew or shrank; any other list is one place, for its items have no names to be told apart by.
 */
export function choices(base: unknown, mine: unknown, theirs: unknown, path = 'params'): Choice[] {
  if (same(base, mine) && same(base, theirs)) return []
  if (isObject(mine) && isObject(theirs)) {
    const from = isObject(base) ? base : {}
    const names = new Set([...Object.keys(theirs), ...Object.keys(mine), ...Object.keys(from)])
    return [...names].flatMap((name) => choices(from[name], mine[name], theirs[name], memberPath(path, name)))
  }
  if (Array.isArray(mine) && Array.isArray(theirs) && mine.length === theirs.length) {
    const from: unknown[] = Array.isArray(base) && base.length === mine.length ? base : []
    return mine.flatMap((_, i) => choices(from[i], mine[i], theirs[i], itemPath(path, i)))
  }
  const who = same(base, theirs) ? 'mine' : same(base, mine) || same(mine, theirs) ? 'theirs' : 'both'
  return [{ path, base, mine, theirs, who }]
}

/** The side that a choice begins with: a change that only one made is kept, and of two mine. */
export function firstSide({ who }: Choice): Side {
  return who === 'theirs' ? 'theirs' : 'mine'
}

/** Their document with my side where that was chosen. */
export function merge(mine: unknown, theirs: unknown, sides: Readonly<Record<string, Side>>, path = 'params'): unknown {
  if (path in sides) return sides[path] === 'mine' ? mine : theirs
  if (isObject(mine) && isObject(theirs)) {
    const names = new Set([...Object.keys(theirs), ...Object.keys(mine)])
    const members = [...names].map((name) => [name, merge(mine[name], theirs[name], sides, memberPath(path, name))] as const)
    return Object.fromEntries(members.filter(([, value]) => value !== undefined))
  }
  if (Array.isArray(mine) && Array.isArray(theirs) && mine.length === theirs.length) {
    return mine.map((value, i) => merge(value, theirs[i], sides, itemPath(path, i)))
  }
  return theirs
}
