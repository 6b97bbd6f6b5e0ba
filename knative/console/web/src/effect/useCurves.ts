import { type Answered, currentParams, evaluate, type Outputs, predict } from '../api'
import type { ModelInfo, Requires } from '../contract'
import { useLive } from '../live/live'
import { standingOf } from '../live/replicas'
import { type Trouble, troubleOf } from '../trouble'
import { type Asked, useAsk } from '../ui/useAsk'
import { usePaced } from '../ui/usePaced'
import { type Curve, quantileOf } from './family'
import type { Form } from './input'
import { encodeInput, numbersOf } from './signature'

/** Params that are nowhere stored, to be seen beside those that serve. */
export interface Proposed {
  params: unknown
  requires?: Requires
}

/** What one model answered, or why it did not. */
export interface Answer {
  model: string
  curve?: Curve
  by?: Answered
  trouble?: Trouble
}

/** The answers of a family for one input, and along a sweep of one of its numbers. */
export interface Curves {
  places: number[]
  /** The swept number of the input. */
  here: number
  sweep: number
  output: number
  answers: Answer[]
  proposed: Answer | undefined
}

/** Places of a sweep. The models are asked for all of them, and for the input itself, in one request each. */
const resolution = 61

/** The shortest time between two questions, in milliseconds. */
const pace = 80

/** What the models of a family answer, kept up with what is typed, and with the params that serve. */
export function useCurves(model: ModelInfo, family: ModelInfo[], form: Form, proposed: Proposed | undefined): Asked<Curves> {
  const replicas = useLive((l) => l.replicas)
  const { numbers, sweep, output, elements } = form
  // Asked again whenever a replica has followed to new params: which one answers is not known beforehand.
  const versions = family.map((m) => `${m.name} ${m.params?.version ?? 0} ${replicas[m.name] ? standingOf(replicas[m.name]!).onVersion : 0}`)
  const question = JSON.stringify([numbers, sweep, output, proposed, versions])
  const paced = usePaced(question, pace)
  const complete = numbers.length > 0 && numbers.every(Number.isFinite)

  return useAsk(
    complete ? paced : '',
    async (signal) => {
      const places = placesOf(form)
      const rows = [...places.map((x) => numbers.map((n, i) => (i === sweep ? x : n))), numbers]
      const inputs = rows.map((row) => encodeInput(model.signature!, row))
      const read = async (name: string, asked: Promise<Outputs>, quantile: Promise<number | undefined>): Promise<Answer> => {
        try {
          const { outputs, by } = await asked
          const all = outputs.map((o) => numbersOf(o)[output] ?? Number.NaN)
          return { model: name, by, curve: { model: name, quantile: await quantile, values: all.slice(0, -1), here: all.at(-1)! } }
        } catch (error) {
          return { model: name, trouble: troubleOf(error) }
        }
      }
      const [then, ...answers] = await Promise.all([
        proposed && read(model.name, evaluate(model.name, proposed, inputs, signal), Promise.resolve(undefined)),
        ...family.map((m) => read(m.name, predict(m.name, inputs, signal), quantileServed(m))),
      ])
      return { places, here: numbers[sweep]!, sweep, output, answers: answers as Answer[], proposed: then }
    },
    true,
  )

  function placesOf({ numbers, sweep }: Form): number[] {
    const here = numbers[sweep]!
    const { min, max } = elements[sweep]!.range ?? { min: here - (Math.abs(here) || 1), max: here + (Math.abs(here) || 1) }
    return Array.from({ length: resolution }, (_, i) => min + ((max - min) * i) / (resolution - 1))
  }
}

const quantiles = new Map<string, Promise<number | undefined>>()

/** The quantile of a model's current params, asked once for each version. A model without one, or without a registry, has none. */
function quantileServed(model: ModelInfo): Promise<number | undefined> {
  if (!model.params) return Promise.resolve(undefined)
  const key = `${model.name} ${model.params.digest}`
  let quantile = quantiles.get(key)
  if (!quantile) {
    quantile = currentParams(model.name).then(
      ({ document }) => quantileOf(document),
      () => {
        quantiles.delete(key)
        return undefined
      },
    )
    quantiles.set(key, quantile)
  }
  return quantile
}
