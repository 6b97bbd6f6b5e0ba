import type { NumberShape } from './shape'

/** What can be wrong with something typed; the words for it are in words.ts. */
export type Wrong =
  | { why: PlainReason }
  | { why: 'min' | 'max' | 'minOpen' | 'maxOpen' | 'few' | 'many' | 'short' | 'long'; limit: number }
  /** What a server said, in its words. */
  | { why: 'said'; said: string }

type PlainReason = 'empty' | 'noNumber' | 'comma' | 'noInteger' | 'tooLarge' | 'tooSmall' | 'inexact' | 'noJson' | 'nameTwice' | 'noName' | 'pattern' | 'noChoice'

export type Read<T> = { value: T; wrong?: undefined } | { value?: undefined; wrong: Wrong }

const decimal = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i
const most = 2 ** 53

/**
 * Reads a number as the server will: what a 64-bit number cannot hold is refused, and not changed into something else.
 * The sign of −0 is dropped.
 */
export function readNumber(text: string, shape: NumberShape): Read<number> {
  const plain = text.trim().replace(/^[−–]/, '-')
  if (plain === '') return wrong('empty')
  if (!decimal.test(plain)) return wrong(/^[+-]?\d+,\d+$/.test(plain) ? 'comma' : 'noNumber')
  const value = Number(plain)
  if (!Number.isFinite(value)) return wrong('tooLarge')
  if (value === 0 && /[1-9]/.test(plain.split(/e/i)[0]!)) return wrong('tooSmall')
  const whole = !/[.e]/i.test(plain)
  if (shape.integer && !Number.isInteger(value)) return wrong('noInteger')
  if ((whole || shape.integer) && Math.abs(value) >= most && !exactly(plain, value)) return wrong('inexact')
  if (shape.integer && Math.abs(value) > most) return wrong('inexact')
  const limit = outside(value, shape)
  return limit ? { wrong: limit } : { value: value === 0 ? 0 : value }
}

function wrong(why: PlainReason): { wrong: Wrong } {
  return { wrong: { why } }
}

function exactly(plain: string, value: number): boolean {
  return Math.abs(value) <= most && /^[+-]?\d+$/.test(plain) && BigInt(plain.replace('+', '')) === BigInt(value)
}

function outside(value: number, { min, max, minOpen, maxOpen }: NumberShape): Wrong | undefined {
  if (minOpen ? value <= min : value < min) return { why: minOpen ? 'minOpen' : 'min', limit: min }
  if (maxOpen ? value >= max : value > max) return { why: maxOpen ? 'maxOpen' : 'max', limit: max }
  return undefined
}

/** A step for the arrow keys: a hundredth of the number's own size, at least 1 for an integer. */
export function stepFor(value: number, { integer, min, max }: NumberShape): number {
  const wide = max - min
  const size = Number.isFinite(wide) ? wide / 100 : Math.abs(value) / 100
  const step = size > 0 ? 10 ** Math.floor(Math.log10(size)) : 0.01
  return integer ? Math.max(1, Math.round(step)) : step
}

/** A number one step on, without the dust of floating point. */
export function stepped(value: number, step: number): number {
  return Number((value + step).toPrecision(15))
}
