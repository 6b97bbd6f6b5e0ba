import { isObject } from '../isObject'
import { type Read, readNumber, type Wrong } from './number'
import { itemPath, memberPath, moved, type Shape } from './shape'

/**
 * What stands in the fields of a form: texts as they were typed, and trees of them. It is plain JSON, so that it can be
 * kept. `null` is what was left out. A map is a list of names and values, for two may have the same name while one types.
 */
export type Typed = string | boolean | null | Typed[] | { [name: string]: Typed } | { entries: [name: string, value: Typed][] }

/** What is wrong, by the path of the field. */
export type Problems = Record<string, Wrong>

/** The fields for a value; those that a new one starts with for undefined. */
export function typedOf(shape: Shape, value: unknown): Typed {
  if (value === undefined && shape.optional) return null
  switch (shape.kind) {
    case 'number':
      return typeof value === 'number' ? String(value) : ''
    case 'text':
      return typeof value === 'string' ? value : ''
    case 'choice':
      return value === undefined ? '' : JSON.stringify(value)
    case 'flag':
      return value === true
    case 'list': {
      const values = Array.isArray(value) ? value : Array.from({ length: shape.min })
      return values.map((v) => typedOf(shape.item, v))
    }
    case 'group':
      return Object.fromEntries(shape.fields.map((f) => [f.name, typedOf(f, isObject(value) ? value[f.name] : undefined)]))
    case 'map':
      return { entries: Object.entries(isObject(value) ? value : {}).map(([name, v]) => [name, typedOf(shape.item, v)]) }
    case 'json':
      return value === undefined ? '' : JSON.stringify(value, null, 2)
  }
}

/** Reads a whole form. The value is whole only if there are no problems. */
export function readTyped(shape: Shape, typed: Typed): { value: unknown; problems: Problems } {
  const problems: Problems = {}
  const value = read(shape, typed, problems)
  return { value, problems }
}

function read(shape: Shape, typed: Typed, problems: Problems): unknown {
  if (typed === null && shape.optional) return undefined
  const take = <T>(result: Read<T>) => {
    if (result.wrong) problems[shape.path] = result.wrong
    return result.value
  }
  switch (shape.kind) {
    case 'number':
      return take(readNumber(textOf(typed), shape))
    case 'text':
      return take(readText(textOf(typed), shape.schema))
    case 'choice': {
      const value = shape.options.find((o) => JSON.stringify(o) === typed)
      return take(value === undefined ? { wrong: { why: 'noChoice' } } : { value })
    }
    case 'flag':
      return typed === true
    case 'json':
      return take(readJson(textOf(typed)))
    case 'group': {
      const fields = isObject(typed) ? (typed as Record<string, Typed>) : {}
      const members = shape.fields.map((f) => [f.name, read(f, fields[f.name] ?? (f.optional ? null : ''), problems)] as const)
      return Object.fromEntries(members.filter(([, v]) => v !== undefined))
    }
    case 'list': {
      const items = Array.isArray(typed) ? typed : []
      if (items.length < shape.min) problems[shape.path] = { why: 'few', limit: shape.min }
      if (items.length > shape.max) problems[shape.path] = { why: 'many', limit: shape.max }
      return items.map((t, i) => read(moved(shape.item, itemPath(shape.path, i), `[${i}]`), t, problems))
    }
    case 'map': {
      const seen = new Set<string>()
      const members = entriesOf(typed).map(([name, t], i) => {
        if (name === '') problems[itemPath(shape.path, i)] = { why: 'noName' }
        else if (seen.has(name)) problems[itemPath(shape.path, i)] = { why: 'nameTwice' }
        seen.add(name)
        return [name, read(moved(shape.item, memberPath(shape.path, name), name), t, problems)] as const
      })
      return Object.fromEntries(members)
    }
  }
}

export function textOf(typed: Typed): string {
  return typeof typed === 'string' ? typed : ''
}

export function entriesOf(typed: Typed): [string, Typed][] {
  return isObject(typed) && Array.isArray(typed.entries) ? (typed.entries as [string, Typed][]) : []
}

function readText(text: string, { minLength = 0, maxLength = Infinity, pattern }: { minLength?: number; maxLength?: number; pattern?: string }): Read<string> {
  const length = [...text].length
  if (length < minLength) return { wrong: { why: 'short', limit: minLength } }
  if (length > maxLength) return { wrong: { why: 'long', limit: maxLength } }
  if (pattern !== undefined && !matches(pattern, text)) return { wrong: { why: 'pattern' } }
  return { value: text }
}

/** Whether a text matches; a pattern that this language does not know is left to the server. */
function matches(pattern: string, text: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(text)
  } catch {
    return true
  }
}

function readJson(text: string): Read<unknown> {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return { wrong: { why: 'noJson' } }
  }
}
