import { numberIn } from './input'
import type { Element } from './signature'

/** What is wrong with a table that was pasted: where, and why. */
export type Flaw =
  | { kind: 'json'; reason: string }
  | { kind: 'empty' }
  | { kind: 'tooMany'; most: number }
  | { kind: 'missing'; column: string }
  | { kind: 'width'; line: number; has: number; wants: number }
  | { kind: 'number'; line: number; column: string; text: string }

/** The rows of a table, each with the numbers of the input in its order; or its first flaws. */
export type Parsed = { rows: number[][]; flaws?: undefined } | { rows?: undefined; flaws: Flaw[] }

/** Rows that are taken at once. */
export const mostRows = 100_000

const mostFlaws = 5

/**
 * Reads CSV or JSON. CSV may have a header line, whose names say which column is which, in any order and among others; without one
 * the columns are the inputs in order. Commas, semicolons and tabs are taken. JSON is a list of numbers, of lists, or of objects by name.
 */
export function parseTable(text: string, elements: Element[]): Parsed {
  const trimmed = text.trim()
  if (trimmed === '') return { flaws: [{ kind: 'empty' }] }
  const cells = trimmed.startsWith('[') || trimmed.startsWith('{') ? fromJson(trimmed, elements) : fromCsv(trimmed, 1 + linesIn(text.slice(0, text.indexOf(trimmed))), elements)
  return 'flaws' in cells ? cells : readRows(cells, elements)
}

/** Cells in the order of the inputs, and the line on which each row begins. */
interface Cells {
  lines: number[]
  rows: unknown[][]
}

function readRows({ lines, rows }: Cells, elements: Element[]): Parsed {
  if (rows.length === 0) return { flaws: [{ kind: 'empty' }] }
  if (rows.length > mostRows) return { flaws: [{ kind: 'tooMany', most: mostRows }] }
  const flaws: Flaw[] = []
  const numbers: number[][] = []
  for (const [i, row] of rows.entries()) {
    const line = lines[i]!
    if (row.length !== elements.length) flaws.push({ kind: 'width', line, has: row.length, wants: elements.length })
    else {
      numbers.push(
        row.map((cell, j) => {
          const value = typeof cell === 'number' ? cell : typeof cell === 'string' ? numberIn(cell, elements[j]!.integer) : Number.NaN
          if (Number.isNaN(value)) flaws.push({ kind: 'number', line, column: elements[j]!.name, text: shown(cell) })
          return value
        }),
      )
    }
    if (flaws.length >= mostFlaws) break
  }
  return flaws.length > 0 ? { flaws: flaws.slice(0, mostFlaws) } : { rows: numbers }
}

function shown(cell: unknown): string {
  return (typeof cell === 'string' ? cell : (JSON.stringify(cell) ?? '')).slice(0, 40)
}

function fromJson(text: string, elements: Element[]): Cells | { flaws: Flaw[] } {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { flaws: [{ kind: 'json', reason: error instanceof Error ? error.message : '' }] }
  }
  if (typeof value === 'object' && value !== null && 'inputs' in value) value = value.inputs
  const list = Array.isArray(value) ? value : [value]
  // A flat list of numbers is one row, unless the model takes a single number.
  const rows = elements.length > 1 && list.every((v) => typeof v === 'number') ? [list] : list
  return {
    lines: rows.map((_, i) => i + 1),
    rows: rows.map((row: unknown) => {
      if (Array.isArray(row)) return row.flat(Number.POSITIVE_INFINITY) as unknown[]
      if (typeof row === 'object' && row !== null) return elements.map((e) => (row as Record<string, unknown>)[e.name])
      return [row]
    }),
  }
}

function fromCsv(text: string, firstLine: number, elements: Element[]): Cells | { flaws: Flaw[] } {
  const [head = ''] = text.split('\n', 1)
  const separator = ['\t', ';', ','].find((s) => head.includes(s)) ?? ','
  const { lines, rows } = splitCsv(text, firstLine, separator)
  const header = rows[0]!.map((cell) => cell.trim())
  if (header.every((cell) => !Number.isNaN(numberIn(cell)))) return { lines, rows }
  const order = elements.map((e) => header.indexOf(e.name))
  const missing = elements.filter((_, i) => order[i]! < 0)
  if (missing.length > 0) return { flaws: missing.map((e) => ({ kind: 'missing', column: e.name })) }
  return { lines: lines.slice(1), rows: rows.slice(1).map((row) => order.map((i) => row[i])) }
}

function linesIn(text: string): number {
  return text.split('\n').length - 1
}

/** Cuts CSV into cells (RFC 4180), and tells the line on which each row begins; empty lines are left out, but counted. */
function splitCsv(text: string, firstLine: number, separator: string): { lines: number[]; rows: string[][] } {
  const lines: number[] = []
  const rows: string[][] = []
  let line = firstLine
  let began = line
  let row: string[] = []
  let cell = ''
  let quoted = false
  const endRow = () => {
    row.push(cell)
    if (row.some((c) => c.trim() !== '')) {
      rows.push(row)
      lines.push(began)
    }
    row = []
    cell = ''
    began = line
  }
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!
    if (char === '\n') line++
    if (quoted) {
      if (char !== '"') cell += char
      else if (text[i + 1] === '"') cell += text[i++]
      else quoted = false
    } else if (char === '"' && cell === '') quoted = true
    else if (char === separator) {
      row.push(cell)
      cell = ''
    } else if (char === '\n') endRow()
    else if (char !== '\r') cell += char
  }
  endRow()
  return { lines, rows }
}

/** Writes CSV; a name that has a separator or a quote in it is quoted. */
export function writeCsv(header: string[], rows: (number | string)[][]): string {
  const cell = (value: number | string) => (typeof value === 'string' && /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : String(value))
  return [header, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('')
}
