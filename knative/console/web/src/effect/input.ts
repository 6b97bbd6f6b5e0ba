import type { ModelInfo } from '../contract'
import { useStore } from '../store'
import { type Element, roundTo, stepOf } from './signature'
import { type Input, inputs } from '../session/inputs'

export interface Form extends Input {
  elements: Element[]
  /** The numbers; NaN where the text is none. */
  numbers: number[]
  type(index: number, text: string): void
  /** Puts a whole input into the form. */
  fill(numbers: number[]): void
  sweepOver(index: number): void
  show(output: number): void
  paste(table: string): void
  /** Puts a table in the place of the one that is there, and keeps that one. */
  replace(table: string): void
  /** Brings back the table that was replaced; what took its place is gone. */
  undo(): void
}

export function useForm(model: ModelInfo, elements: Element[]): Form {
  const key = JSON.stringify(model.signature?.inputs)
  const typed = useStore(inputs, (s) => s[key])
  const input = { texts: elements.map(firstText), sweep: 0, output: 0, table: '', ...typed }
  const patch = (part: Partial<Input>) => inputs.set((s) => ({ ...s, [key]: { ...input, ...s[key], ...part } }))
  return {
    ...input,
    elements,
    numbers: input.texts.map((text, i) => numberIn(text, elements[i]?.integer)),
    type: (index, text) => patch({ texts: (inputs.get()[key]?.texts ?? input.texts).map((t, i) => (i === index ? text : t)) }),
    fill: (numbers) => patch({ texts: numbers.map(String) }),
    sweepOver: (sweep) => patch({ sweep }),
    show: (output) => patch({ output }),
    paste: (table) => patch({ table }),
    replace(table) {
      const { table: now } = { ...input, ...inputs.get()[key] }
      patch(now.trim() === '' ? { table } : { table, former: now })
    },
    undo: () => patch({ table: input.former, former: undefined }),
  }
}

/** The middle of the range, where most of the data is. */
function firstText(element: Element): string {
  if (!element.range) return '0'
  return String(roundTo((element.range.min + element.range.max) / 2, stepOf(element)))
}

/** The number that a text is; NaN if it is none, or not finite. A decimal comma is taken as a point. */
export function numberIn(text: string, integer = false): number {
  const plain = text.trim().replace(',', '.')
  const value = plain === '' ? Number.NaN : Number(plain)
  return Number.isFinite(value) && (!integer || Number.isInteger(value)) ? value : Number.NaN
}
