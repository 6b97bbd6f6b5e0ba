import { isObject } from '../isObject'
import { itemPath, memberPath, moved, type Shape } from './shape'
import { entriesOf, type Typed } from './typed'

/** The fields of a form as it stands: their paths, and the number that each single value has, in the order of the schema. */
export interface Places {
  fields: ReadonlySet<string>
  numbers: ReadonlyMap<string, number>
}

export function placesOf(shape: Shape, typed: Typed): Places {
  const fields = new Set<string>()
  const numbers = new Map<string, number>()
  walk(shape, typed)
  return { fields, numbers }

  function walk(shape: Shape, typed: Typed) {
    fields.add(shape.path)
    if (typed === null && shape.optional) return
    switch (shape.kind) {
      case 'group':
        for (const f of shape.fields) walk(f, isObject(typed) ? ((typed as Record<string, Typed>)[f.name] ?? null) : null)
        break
      case 'list':
        ;(Array.isArray(typed) ? typed : []).forEach((t, i) => walk(moved(shape.item, itemPath(shape.path, i), `[${i}]`), t))
        break
      case 'map':
        entriesOf(typed).forEach(([name, t], i) => {
          fields.add(itemPath(shape.path, i))
          walk(moved(shape.item, memberPath(shape.path, name), name), t)
        })
        break
      default:
        numbers.set(shape.path, numbers.size + 1)
    }
  }
}
