import type { Signature, Value } from '../contract'

/** One number of an input or output; a value of shape [3] has three. */
export interface Element {
  /** Unique in its signature. */
  name: string
  description: string
  unit: string
  range: { min: number; max: number } | undefined
  integer: boolean
}

/** The numbers that values consist of, in order; undefined if something else than numbers is among them. */
export function elementsOf(values: Value[]): Element[] | undefined {
  const elements: Element[] = []
  for (const value of values) {
    if (value.datatype !== 'FP64' && value.datatype !== 'INT64') return undefined
    const size = value.shape.reduce((n, d) => n * d, 1)
    if (elements.length + size > 64) return undefined // nobody fills in such a form
    for (let i = 0; i < size; i++) {
      elements.push({
        name: value.shape.length > 0 ? `${value.name}[${i}]` : value.name,
        description: value.description ?? '',
        unit: value.unit ?? '',
        range: value.range,
        integer: value.datatype === 'INT64',
      })
    }
  }
  return elements
}

/** An input as the model takes it: numbers lie one after another, and a single one stands alone. */
export function encodeInput(signature: Signature, numbers: number[]): unknown {
  const [only, ...others] = signature.inputs
  return only && others.length === 0 && only.shape.length === 0 ? numbers[0] : numbers
}

/** The numbers of an output; what is no number is NaN. */
export function numbersOf(output: unknown): number[] {
  if (Array.isArray(output)) return output.flatMap(numbersOf)
  return [typeof output === 'number' ? output : Number.NaN]
}

/** A step of 1, 2 or 5 times a power of ten, about 250 of which make the range. */
export function stepOf({ range, integer }: Element): number {
  if (integer) return 1
  if (!range || range.max <= range.min) return 0.01
  return niceStep((range.max - range.min) / 250)
}

/** The largest of 1, 2 and 5 times a power of ten that is not above `size`. */
export function niceStep(size: number): number {
  const power = 10 ** Math.floor(Math.log10(size))
  const factor = [5, 2, 1].find((f) => f * power <= size * 1.000001) ?? 1
  return Number((factor * power).toPrecision(12))
}

/** The value on the grid of the step, without the dust of floating point. */
export function roundTo(value: number, step: number): number {
  return Number((Math.round(value / step) * step).toPrecision(12))
}
