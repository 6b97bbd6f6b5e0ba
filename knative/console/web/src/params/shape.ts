import type { JsonSchema } from '../contract'
import { isObject } from '../isObject'

/*
 * What a form of params looks like: a tree that comes from the JSON Schema and the params together. What the form has no
 * field for, and what does not fit the schema, is edited as JSON; nothing of a document is out of reach or lost.
 */

interface Part {
  /** Where it is in the document: params.weights[1]. */
  path: string
  /** The last part of the path, for a label: weights, [1]. */
  name: string
  description: string
  unit: string
  /** It may be left out. */
  optional: boolean
}

export interface NumberShape extends Part {
  kind: 'number'
  integer: boolean
  min: number
  max: number
  /** The end itself is outside. */
  minOpen: boolean
  maxOpen: boolean
}

export interface ChoiceShape extends Part {
  kind: 'choice'
  options: (string | number | boolean)[]
}

export interface TextShape extends Part {
  kind: 'text'
  schema: JsonSchema
}

export interface ListShape extends Part {
  kind: 'list'
  min: number
  max: number
  /** The shape of an item that is not there yet. */
  item: Shape
}

export interface GroupShape extends Part {
  kind: 'group'
  fields: Shape[]
}

/** Values by names that the person chooses. */
export interface MapShape extends Part {
  kind: 'map'
  item: Shape
}

export type Shape = NumberShape | ChoiceShape | TextShape | ListShape | GroupShape | MapShape | (Part & { kind: 'flag' }) | (Part & { kind: 'json' })

/** More fields than this in one list are no form any more. */
const mostItems = 64

/** The shape of a document's params. */
export function shapeOf(schema: JsonSchema, params: unknown): Shape {
  return fit(schema, params, { path: 'params', name: 'params', description: '', unit: '', optional: false })
}

/** The path of a member of an object, as the server writes it. */
export function memberPath(path: string, name: string): string {
  return `${path}.${name}`
}

export function itemPath(path: string, index: number): string {
  return `${path}[${index}]`
}

/** The same shape at another place: an item's template becomes the item. */
export function moved(shape: Shape, path: string, name: string): Shape {
  const here = { ...shape, path, name }
  switch (here.kind) {
    case 'group':
      return { ...here, fields: here.fields.map((f) => moved(f, memberPath(path, f.name), f.name)) }
    case 'list':
    case 'map':
      return { ...here, item: moved(here.item, `${path}[]`, '[]') }
    default:
      return here
  }
}

function fit(schema: JsonSchema, value: unknown, place: Omit<Part, 'description' | 'unit'> & Partial<Part>): Shape {
  const part: Part = { ...place, description: schema.description ?? '', unit: schema['x-unit'] ?? '' }
  return shaped(schema, value, part) ?? { ...part, kind: 'json' }
}

/** The shape for a value, or for one that is not there yet; undefined if there is none that holds it. */
function shaped(schema: JsonSchema, value: unknown, part: Part): Shape | undefined {
  const missing = value === undefined
  if (schema.enum) {
    const options = schema.enum.filter((o) => typeof o === 'string' || typeof o === 'number' || typeof o === 'boolean')
    return missing || options.includes(value as string) ? { ...part, kind: 'choice', options } : undefined
  }
  switch (schema.type) {
    case 'number':
    case 'integer':
      return missing || typeof value === 'number' ? numberOf(schema, part) : undefined
    case 'string':
      return missing || typeof value === 'string' ? { ...part, kind: 'text', schema } : undefined
    case 'boolean':
      return missing || typeof value === 'boolean' ? { ...part, kind: 'flag' } : undefined
    case 'array':
      return missing || Array.isArray(value) ? listOf(schema, value as unknown[] | undefined, part) : undefined
    case 'object':
      return missing || isObject(value) ? objectOf(schema, value as Record<string, unknown> | undefined, part) : undefined
    default:
      return undefined
  }
}

function numberOf(schema: JsonSchema, part: Part): NumberShape {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema
  return {
    ...part,
    kind: 'number',
    integer: schema.type === 'integer',
    min: Math.max(minimum ?? -Infinity, exclusiveMinimum ?? -Infinity),
    max: Math.min(maximum ?? Infinity, exclusiveMaximum ?? Infinity),
    minOpen: exclusiveMinimum !== undefined && exclusiveMinimum >= (minimum ?? -Infinity),
    maxOpen: exclusiveMaximum !== undefined && exclusiveMaximum <= (maximum ?? Infinity),
  }
}

function listOf(schema: JsonSchema, value: unknown[] | undefined, part: Part): ListShape | undefined {
  if ((value?.length ?? 0) > mostItems || (schema.minItems ?? 0) > mostItems) return undefined
  const items = schema.items ?? {}
  const item = fit(items, undefined, { path: `${part.path}[]`, name: '[]', optional: false })
  if (value?.some((v) => !fits(item, v))) return undefined
  return { ...part, kind: 'list', min: schema.minItems ?? 0, max: schema.maxItems ?? Infinity, item }
}

function objectOf(schema: JsonSchema, value: Record<string, unknown> | undefined, part: Part): Shape | undefined {
  const { properties, additionalProperties } = schema
  if (!properties && isObject(additionalProperties)) {
    const item = fit(additionalProperties as JsonSchema, undefined, { path: `${part.path}[]`, name: '', optional: false })
    if (value && Object.values(value).some((v) => !fits(item, v))) return undefined
    return { ...part, kind: 'map', item }
  }
  if (!properties || Object.keys(value ?? {}).some((name) => !(name in properties))) return undefined
  const required = schema.required ?? []
  const fields = Object.entries(properties).map(([name, s]) => fit(s, value?.[name], { path: memberPath(part.path, name), name, optional: !required.includes(name) }))
  return { ...part, kind: 'group', fields }
}

/** Whether a value can be edited by the fields of a shape. */
function fits(shape: Shape, value: unknown): boolean {
  switch (shape.kind) {
    case 'number':
      return typeof value === 'number'
    case 'choice':
      return shape.options.includes(value as string)
    case 'text':
      return typeof value === 'string'
    case 'flag':
      return typeof value === 'boolean'
    case 'list':
      return Array.isArray(value) && value.length <= mostItems && value.every((v) => fits(shape.item, v))
    case 'map':
      return isObject(value) && Object.values(value).every((v) => fits(shape.item, v))
    case 'group':
      return (
        isObject(value) &&
        Object.keys(value).every((name) => shape.fields.some((f) => f.name === name)) &&
        shape.fields.every((f) => value[f.name] === undefined || fits(f, value[f.name]))
      )
    case 'json':
      return true
  }
}
