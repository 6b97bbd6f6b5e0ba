import { beforeEach, expect, it, vi } from 'vitest'
import * as api from '../api'
import type { ModelInfo } from '../contract'
import { askMany } from './askMany'

const wide = (size: number): ModelInfo => ({
  name: 'model-a',
  kind: 'model',
  signature: { inputs: [{ name: 'x', datatype: 'FP64', shape: [size] }], outputs: [{ name: 'y', datatype: 'FP64', shape: [] }] },
  state: 'ready',
  params: null,
  revisions: [],
})

let sent: unknown[][]

beforeEach(() => {
  sent = []
  vi.spyOn(api, 'predict').mockImplementation(async (model, inputs) => {
    sent.push(inputs)
    return { outputs: inputs.map((input) => [input].flat()[0]), by: { model, version: 1, digest: '', components: '', revision: '' } }
  })
})

it('sends no body that a gateway refuses, however wide the rows are', async () => {
  const rows = Array.from({ length: 1_000 }, (_, i) => Array.from({ length: 64 }, (_, j) => (j === 0 ? i : -1.2345678901234567e-100)))
  const model = wide(64)
  const { columns } = await askMany(model, [model], rows, 0, new AbortController().signal)
  expect(columns[0]?.values).toEqual(rows.map(([first]) => first))
  expect(Math.max(...sent.map((inputs) => JSON.stringify({ inputs }).length))).toBeLessThan(1 << 20)
})

it('sends many narrow rows at once', async () => {
  const rows = Array.from({ length: 4_500 }, (_, i) => [i])
  const model = wide(1)
  await askMany(model, [model], rows, 0, new AbortController().signal)
  expect(sent.map((inputs) => inputs.length)).toEqual([2_000, 2_000, 500])
})
