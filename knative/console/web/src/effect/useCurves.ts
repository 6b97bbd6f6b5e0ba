import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { type Answered, evaluate, type Outputs, predict } from '../api'
import type { ModelInfo, Requires } from '../contract'
import { live } from '../live/live'
import { pinnedOf, standingOf } from '../live/replicas'
import { type Trouble, troubleOf } from '../trouble'
import { type Asked, useAsk } from '../ui/useAsk'
import { usePaced } from '../ui/usePaced'
import { type Curve, quantileOf } from './family'
import { few } from './few'
import type { Form } from './input'
import { onceMore } from './onceMore'
import { encodeInput, numbersOf } from './signature'
import { type Quantiles, useQuantiles } from './useQuantiles'

/** Params that are nowhere stored, to be seen beside those that serve. */
export interface Proposed {
  params: unknown
  requires?: Requires
}

/** What one model answered, or why it did not; neither, as long as it takes its time. */
export interface Answer {
  model: string
  curve?: Curve
  /** The quantile of the curve is still asked for. */
  coming?: boolean
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
  /** Somebody takes long: as one does who has to be started first. */
  slow: boolean
}

/** Places of a sweep. The models are asked for all of them, and for the input itself, in one request each. */
const resolution = 61

/** The shortest time between two questions, in milliseconds. */
const pace = 80

/** Who has answered by then is shown without the others, in milliseconds: a model at zero has to be started. */
const patience = 400

/** And what takes longer than this is slow. */
const slowAfter = 1_500

/** Four at once: the models of the sample, and what is proposed. */
const inTurn = few(4)

/** A question to one model. It stands until that model is to be asked something else. */
interface Question {
  key: string
  /** When it was asked, by performance.now(). */
  began: number
  control: AbortController
  answer: Promise<Answer>
  answered?: Answer
  /** The replicas that were known to serve its current params when it was asked. */
  followed: number
}

/**
 * What the models answer, kept up with what is typed, and with the params that serve. A model is asked again only if the
 * question, its params or its revisions changed, never because replicas come or go: one that goes to zero is not to be woken.
 */
export function useCurves(model: ModelInfo, family: ModelInfo[], form: Form, proposed: Proposed | undefined): Asked<Curves> {
  const [late, setLate] = useState<Record<string, string>>({})
  const [questions] = useState(() => new Map<string, Question>())
  const { numbers, sweep, output, elements } = form
  const question = JSON.stringify([numbers, sweep, output])
  const keys = Object.fromEntries(family.map((m) => [m.name, JSON.stringify([question, served(m), late[m.name]])]))
  const proposal = proposed && JSON.stringify([question, proposed, revisionsOf(model)])
  const quantiles = useQuantiles(family)
  const paced = usePaced(JSON.stringify([keys, proposal]), pace)
  const complete = numbers.length > 0 && numbers.every(Number.isFinite)
  const refresh = useRef(() => {})
  const follow = useRef(() => {})

  const asked = useAsk(
    complete ? paced : '',
    async (signal) => {
      const places = placesOf(form)
      const rows = [...places.map((x) => numbers.map((n, i) => (i === sweep ? x : n))), numbers]
      const inputs = rows.map((row) => encodeInput(model.signature!, row))
      const read = async (name: string, outputs: Promise<Outputs>, quantile?: number): Promise<Answer> => {
        try {
          const { outputs: all, by } = await outputs
          const values = all.map((o) => numbersOf(o)[output] ?? Number.NaN)
          return { model: name, by, curve: { model: name, quantile, values: values.slice(0, -1), here: values.at(-1)! } }
        } catch (error) {
          return { model: name, trouble: troubleOf(error) }
        }
      }

      // The model that the page is about comes first, what is proposed for it before all.
      const wanted = new Map<string, Question>()
      if (proposed) wanted.set('', ask('', proposal!, ({ signal }) => read(model.name, onceMore(() => inTurn(signal, () => evaluate(model.name, proposed, inputs, signal))), quantileOf(proposed))))
      for (const m of family.toSorted((a, b) => Number(b.name === model.name) - Number(a.name === model.name))) {
        wanted.set(m.name, ask(m.name, keys[m.name]!, ({ signal }) => read(m.name, inTurn(signal, () => predict(m.name, inputs, signal))), m))
      }
      giveUp(questions, (name) => !wanted.has(name))

      const all = [...wanted.values()]
      await Promise.race([Promise.all(all.map((q) => q.answer)), wait(patience)])
      const open = all.filter((q) => !q.answered)
      const longest = performance.now() - Math.min(...open.map((q) => q.began))
      const next = [...open.map((q) => q.answer), ...(longest < slowAfter ? [wait(slowAfter - longest)] : [])]
      if (open.length > 0) void Promise.race(next).then(() => signal.aborted || refresh.current())
      const then = wanted.get('')
      return {
        places,
        here: numbers[sweep]!,
        sweep,
        output,
        answers: family.map((m) => wanted.get(m.name)!.answered ?? { model: m.name }),
        proposed: then && (then.answered ?? { model: model.name }),
        slow: open.length > 0 && longest >= slowAfter,
      }
    },
    true,
  )

  useEffect(() => void (refresh.current = asked.retry), [asked.retry])
  useEffect(() => () => giveUp(questions, () => true), [questions])

  // What came from an older replica is asked again when another has followed: there is one then, and none is woken.
  useEffect(() => {
    follow.current = () => {
      const again = family.filter((m) => {
        const { answered, followed = 0 } = questions.get(m.name) ?? {}
        return answered && outdated(answered, m) && followedOf(m) > followed
      })
      if (again.length > 0) setLate((now) => ({ ...now, ...Object.fromEntries(again.map((m) => [m.name, `${m.params?.version} ${followedOf(m)}`])) }))
    }
  }, [family, questions])
  useEffect(() => live.subscribe(() => follow.current()), [])

  const { retry: refreshed } = asked
  const retry = useCallback(() => {
    giveUp(questions, (_, q) => q.answered?.trouble !== undefined)
    refreshed()
  }, [questions, refreshed])
  const data = useMemo(() => asked.data && { ...asked.data, answers: asked.data.answers.map((a) => withQuantile(a, quantiles)) }, [asked.data, quantiles])
  return { ...asked, data, retry }

  /** The question that stands, or a new one in its place. */
  function ask(name: string, key: string, send: (control: AbortController) => Promise<Answer>, m?: ModelInfo): Question {
    const standing = questions.get(name)
    if (standing?.key === key) return standing
    standing?.control.abort()
    const control = new AbortController()
    const answer = send(control).then((answer) => {
      mine.answered = answer
      follow.current()
      return answer
    })
    const mine: Question = { key, began: performance.now(), control, answer, followed: m ? followedOf(m) : 0 }
    questions.set(name, mine)
    return mine
  }

  function placesOf({ numbers, sweep }: Form): number[] {
    const here = numbers[sweep]!
    const { min, max } = elements[sweep]!.range ?? { min: here - (Math.abs(here) || 1), max: here + (Math.abs(here) || 1) }
    return Array.from({ length: resolution }, (_, i) => min + ((max - min) * i) / (resolution - 1))
  }
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((go) => setTimeout(go, milliseconds))
}

function withQuantile(answer: Answer, quantiles: Quantiles): Answer {
  const known = quantiles[answer.model]
  return answer.curve && known ? { ...answer, coming: known.asking, curve: { ...answer.curve, quantile: known.quantile } } : answer
}

function giveUp(questions: Map<string, Question>, which: (name: string, question: Question) => boolean) {
  for (const [name, question] of questions) {
    if (!which(name, question)) continue
    question.control.abort()
    questions.delete(name)
  }
}

/** What a model's answers come from. */
function served(model: ModelInfo) {
  return [model.params?.version, model.params?.digest, revisionsOf(model)]
}

function revisionsOf({ revisions }: ModelInfo): string[] {
  return revisions.filter((r) => r.percent > 0).map((r) => r.name)
}

/** How many replicas are known to serve the current params. */
function followedOf(model: ModelInfo): number {
  const event = live.get().replicas[model.name]
  return event && event.version === model.params?.version ? standingOf(event, pinnedOf(model)).onVersion : 0
}

/** Whether a replica that follows would answer something else, or at all. */
function outdated({ by, trouble }: Answer, model: ModelInfo): boolean {
  if (trouble) return trouble.kind !== 'refused'
  return by !== undefined && model.params !== null && by.version !== model.params.version && !pinnedOf(model).has(by.revision)
}
