import type { Trouble } from '../trouble'
import type { Problems } from './typed'

const path = String.raw`[A-Za-z_][\w-]*(?:\.[\w-]+|\[\d+\])*`
const apart = new RegExp(String.raw`; (?=${path}: )`)
const named = new RegExp(`^(${path}): (.+)$`, 's')

/** What a server has against params, by the path of the field; a message may name several. What names none is `rest`. */
export function problemsIn(message: string): { problems: Problems; rest: string } {
  const problems: Problems = {}
  const rest: string[] = []
  for (const part of message.split(apart)) {
    const [, at, said] = named.exec(part) ?? []
    if (at && said) problems[at] = { why: 'said', said }
    else rest.push(part)
  }
  return { problems, rest: rest.join('; ') }
}

/** The same for a request that was refused; of any other trouble nothing is said about fields. */
export function problemsOf(trouble: Trouble | undefined): Problems {
  return trouble?.kind === 'refused' ? problemsIn(trouble.message).problems : {}
}

/** Problems of places that have no field of their own, by the paths of those that have one: they belong to the nearest around. */
export function settled(problems: Problems, fields: ReadonlySet<string>): Problems {
  const at: Problems = {}
  for (const [path, wrong] of Object.entries(problems)) {
    let place = path
    while (place !== '' && !fields.has(place)) place = place.slice(0, Math.max(0, Math.max(place.lastIndexOf('.'), place.lastIndexOf('['))))
    at[place || path] ??= wrong
  }
  return at
}
