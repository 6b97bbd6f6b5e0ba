import { niceStep } from './signature'

/** A linear map from what is measured to pixels, and the round values to write at its axis. */
export interface Scale {
  min: number
  max: number
  ticks: number[]
  toPixel(value: number): number
  toValue(pixel: number): number
}

export function scale(min: number, max: number, from: number, to: number, about = 5): Scale {
  const wide = max > min ? max - min : Math.abs(min) || 1
  const low = max > min ? min : min - wide / 2
  const step = niceStep(wide / Math.max(1, about - 1))
  const ticks: number[] = []
  for (let i = Math.ceil(low / step - 1e-9); i * step <= low + wide + step * 1e-9; i++) ticks.push(Number((i * step).toPrecision(12)))
  return {
    min: low,
    max: low + wide,
    ticks,
    toPixel: (value) => from + ((value - low) / wide) * (to - from),
    toValue: (pixel) => low + ((pixel - from) / (to - from)) * wide,
  }
}

/** The scale widened to round ends. */
export function roundScale(min: number, max: number, from: number, to: number, about = 5): Scale {
  const { ticks } = scale(min, max, 0, 1, about)
  const step = ticks.length > 1 ? ticks[1]! - ticks[0]! : 1
  return scale(Math.floor(min / step + 1e-9) * step, Math.ceil(max / step - 1e-9) * step, from, to, about)
}
