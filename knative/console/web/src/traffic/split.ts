import type { Revision, Share } from '../contract'

/** A revision's row while the split is being set: what was typed is kept as a text. */
export interface Row {
  revision: string
  percent: string
  /** Tags as typed, apart by spaces or commas. */
  tags: string
}

export type RowProblem = 'noNumber' | 'range' | 'badTag' | 'tagTwice' | 'notReady'

export function rowsOf(revisions: Revision[]): Row[] {
  return revisions.map(({ name, percent, tags }) => ({ revision: name, percent: String(percent), tags: tags.join(' ') }))
}

/** The rows of the revisions that are there, with what a split gives them. */
export function rowsFor(revisions: Revision[], traffic: Share[]): Row[] {
  return revisions.map(({ name }) => {
    const share = traffic.find((s) => s.revision === name)
    return { revision: name, percent: String(share?.percent ?? 0), tags: (share?.tags ?? []).join(' ') }
  })
}

export function percentIn(text: string): number {
  const plain = text.trim()
  return /^\d{1,3}$/.test(plain) ? Number(plain) : Number.NaN
}

export function tagsIn(text: string): string[] {
  return text.split(/[\s,\uff0c、]+/u).filter(Boolean)
}

/** What is wrong with a row, by its revision. A revision that is not ready takes no new traffic. */
export function problemsIn(rows: Row[], revisions: Revision[]): Record<string, RowProblem> {
  const problems: Record<string, RowProblem> = {}
  const taken = new Set<string>()
  for (const { revision, percent, tags } of rows) {
    const known = revisions.find((r) => r.name === revision)
    const value = percentIn(percent)
    if (Number.isNaN(value)) problems[revision] = 'noNumber'
    else if (value > 100) problems[revision] = 'range'
    else if (value > (known?.percent ?? 0) && !known?.ready) problems[revision] = 'notReady'
    for (const tag of tagsIn(tags)) {
      if (!/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/.test(tag)) problems[revision] ??= 'badTag'
      else if (taken.has(tag)) problems[revision] ??= 'tagTwice'
      taken.add(tag)
    }
  }
  return problems
}

/** All percents together; what is no number counts as nothing. */
export function sumOf(rows: Row[]): number {
  return rows.reduce((sum, { percent }) => sum + (percentIn(percent) || 0), 0)
}

/** The split that rows ask for; a revision without traffic and tags is not in it. */
export function sharesOf(rows: Row[]): Share[] {
  return rows.map(({ revision, percent, tags }) => ({ revision, percent: percentIn(percent), tags: tagsIn(tags) })).filter((s) => s.percent > 0 || s.tags.length > 0)
}

/** One revision before and after. */
export interface Move {
  revision: string
  from: number
  to: number
  tagsAdded: string[]
  tagsTaken: string[]
}

/** What a split changes, the revisions that it changes only. */
export function movesTo(rows: Row[], revisions: Revision[]): Move[] {
  return rows
    .map(({ revision, percent, tags }) => {
      const now = revisions.find((r) => r.name === revision)
      const next = tagsIn(tags)
      return {
        revision,
        from: now?.percent ?? 0,
        to: percentIn(percent) || 0,
        tagsAdded: next.filter((t) => !now?.tags.includes(t)),
        tagsTaken: (now?.tags ?? []).filter((t) => !next.includes(t)),
      }
    })
    .filter((m) => m.from !== m.to || m.tagsAdded.length > 0 || m.tagsTaken.length > 0)
}

/** Rows in which one revision has a share, and the others what is left, in the proportion that they had. */
export function giving(rows: Row[], revision: string, percent: number): Row[] {
  const others = rows.filter((r) => r.revision !== revision)
  const had = sumOf(others)
  const left = 100 - percent
  const shares = others.map((r) => (had > 0 ? ((percentIn(r.percent) || 0) * left) / had : 0))
  const whole = wholePercents(had > 0 ? shares : shares.map((_, i) => (i === 0 ? left : 0)), left)
  return rows.map((r) => ({ ...r, percent: String(r.revision === revision ? percent : whole[others.indexOf(r)]) }))
}

/** Whole numbers near the shares that add up to the sum: what is left over goes to the largest remainders. */
function wholePercents(shares: number[], sum: number): number[] {
  const whole = shares.map(Math.floor)
  let rest = sum - whole.reduce((a, b) => a + b, 0)
  const order = shares.map((s, i) => ({ i, part: s - Math.floor(s) })).toSorted((a, b) => b.part - a.part)
  for (const { i } of order) {
    if (rest-- <= 0) break
    whole[i]!++
  }
  return whole
}
