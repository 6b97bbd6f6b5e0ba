import type { ModelInfo } from '../contract'

/** The models that answer the same question: they have the same inputs and outputs. The model itself is one of them. */
export function familyOf(models: ModelInfo[], model: ModelInfo): ModelInfo[] {
  const key = JSON.stringify(model.signature)
  return models.filter((m) => m.name === model.name || (m.kind === model.kind && m.signature !== null && JSON.stringify(m.signature) === key))
}

/** Models that are drawn together at most: there are so many colours, and nobody reads more curves. */
export const mostDrawn = 5

/** The models that are drawn together with one: those that were chosen, else the first of its family. In a large one that is who has the same components. */
export function drawnOf(family: ModelInfo[], model: ModelInfo, chosen: string[] | undefined): ModelInfo[] {
  const components = (m: ModelInfo) => JSON.stringify(m.params?.requires.map((r) => r.digest))
  const near = (m: ModelInfo) => Number(components(m) === components(model))
  const others = family.filter((m) => m.name !== model.name)
  const wanted = chosen ? others.filter((m) => chosen.includes(m.name)) : others.toSorted((a, b) => near(b) - near(a))
  const drawn = new Set(wanted.slice(0, mostDrawn - 1).map((m) => m.name))
  return family.filter((m) => m.name === model.name || drawn.has(m.name))
}

/** The quantile that a model was fitted to; undefined if its params do not say one. */
export function quantileOf({ params }: { params: unknown }): number | undefined {
  if (typeof params !== 'object' || params === null || !('quantile' in params)) return undefined
  return typeof params.quantile === 'number' ? params.quantile : undefined
}

/** A model's curve: its value at each place of the sweep, and at the input itself. */
export interface Curve {
  model: string
  quantile: number | undefined
  values: number[]
  here: number
}

/** Curves of different quantiles, from the lowest to the highest. */
export function byQuantile<C extends Pick<Curve, 'quantile'>>(curves: C[]): C[] {
  const known = curves.filter((c) => c.quantile !== undefined).toSorted((a, b) => a.quantile! - b.quantile!)
  return known.filter((c, i) => i === 0 || c.quantile !== known[i - 1]!.quantile)
}

/** A stretch of a sweep, by the indices of its ends. */
export interface Stretch {
  from: number
  to: number
}

/** Where a lower quantile lies above a higher one, which no distribution can have. */
export function crossings(curves: Pick<Curve, 'quantile' | 'values'>[]): Stretch[] {
  const ordered = byQuantile(curves)
  const places = ordered[0]?.values.length ?? 0
  const stretches: Stretch[] = []
  for (let x = 0; x < places; x++) {
    const crossed = ordered.some((c, i) => i > 0 && c.values[x]! < ordered[i - 1]!.values[x]!)
    const last = stretches.at(-1)
    if (!crossed) continue
    if (last && last.to === x - 1) last.to = x
    else stretches.push({ from: x, to: x })
  }
  return stretches
}
