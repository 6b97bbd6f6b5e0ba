import { type Language, useLanguage } from './language'

/** How numbers and times are written in a language. */
export interface Format {
  /** A number with up to `digits` digits after the point, 1 if not said. */
  number(value: number, digits?: number): string
  percent(share: number): string
  /** A time of a day, to the second. */
  clock(time: Date | string | number): string
  /** Day and time. */
  moment(time: Date | string | number): string
  /** How long ago: "3 minutes ago". */
  ago(time: Date | string | number, now?: number): string
  milliseconds(value: number): string
}

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]

/** Made when it is first needed: what the browser knows of languages takes its time to load. */
function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}

function makeFormat(tag: string): Format {
  const relative = once(() => new Intl.RelativeTimeFormat(tag, { numeric: 'auto' }))
  const clock = once(() => new Intl.DateTimeFormat(tag, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }))
  const moment = once(() => new Intl.DateTimeFormat(tag, { dateStyle: 'medium', timeStyle: 'short', hourCycle: 'h23' }))
  const percent = once(() => new Intl.NumberFormat(tag, { style: 'percent', maximumFractionDigits: 1 }))
  const numbers = new Map<number, Intl.NumberFormat>()
  const number = (value: number, digits = 1) => {
    let format = numbers.get(digits)
    if (!format) numbers.set(digits, (format = new Intl.NumberFormat(tag, { maximumFractionDigits: digits })))
    return format.format(value)
  }
  return {
    number,
    percent: (share) => percent().format(share),
    clock: (time) => clock().format(new Date(time)),
    moment: (time) => moment().format(new Date(time)),
    ago(time, now = Date.now()) {
      const seconds = Math.round((new Date(time).getTime() - now) / 1000)
      for (const [unit, size] of units) {
        if (Math.abs(seconds) >= size) return relative().format(Math.trunc(seconds / size), unit)
      }
      return relative().format(Math.abs(seconds) < 10 ? 0 : seconds, 'second')
    },
    milliseconds: (value) => `${number(value, value < 10 ? 1 : 0)} ms`,
  }
}

const formats: Record<Language, () => Format> = { en: once(() => makeFormat('en')), zh: once(() => makeFormat('zh-CN')) }

export function useFormat(): Format {
  return formats[useLanguage()]()
}
