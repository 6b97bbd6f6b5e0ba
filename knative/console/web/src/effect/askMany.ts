import { predict } from '../api'
import type { ModelInfo } from '../contract'
import { few } from './few'
import { encodeInput, numbersOf } from './signature'

/** Rows, and for each model a column of its answers with the versions of the params that they came from. */
export interface Many {
  rows: number[][]
  columns: { model: string; values: number[]; versions: number[] }[]
}

/** Rows, and numbers, in one request: with all of their digits they are well below what a body may have, 1 MiB. */
const mostRows = 2_000
const mostNumbers = 30_000

const inTurn = few(3)

/** Asks a family for many inputs: one request after another for each model, so that a large table is no flood. */
export async function askMany(model: ModelInfo, family: ModelInfo[], rows: number[][], output: number, signal: AbortSignal): Promise<Many> {
  const atOnce = Math.max(1, Math.min(mostRows, Math.floor(mostNumbers / (rows[0]?.length || 1))))
  const columns = await Promise.all(
    family.map(async ({ name }) => {
      const column = { model: name, values: [] as number[], versions: [] as number[] }
      for (let from = 0; from < rows.length; from += atOnce) {
        const inputs = rows.slice(from, from + atOnce).map((row) => encodeInput(model.signature!, row))
        const { outputs, by } = await inTurn(signal, () => predict(name, inputs, signal))
        for (const o of outputs) {
          column.values.push(numbersOf(o)[output] ?? Number.NaN)
          column.versions.push(by.version)
        }
      }
      return column
    }),
  )
  return { rows, columns }
}
