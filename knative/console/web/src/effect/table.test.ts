import { describe, expect, it } from 'vitest'
import type { Element } from './signature'
import { parseTable, writeCsv } from './table'

const element = (name: string): Element => ({ name, description: '', unit: '', range: undefined, integer: false })
const three = ['bmi', 'bp', 's5'].map(element)
const one = [element('x')]

describe('a table that is pasted', () => {
  it.each([
    ['CSV without a header', '32.1,101,4.8\n21.6,87,3.9', [[32.1, 101, 4.8], [21.6, 87, 3.9]]],
    ['CSV with a header, in another order and among others', 'id,s5,bmi,"bp"\r\n7,4.8,32.1,101\r\n', [[32.1, 101, 4.8]]],
    ['semicolons and decimal commas', 'bmi;bp;s5\n32,1;101;4,8', [[32.1, 101, 4.8]]],
    ['tabs, as from a spreadsheet', 'bmi\tbp\ts5\n32.1\t101\t4.8\n\n', [[32.1, 101, 4.8]]],
    ['JSON lists', '[[32.1,101,4.8],[1,2,3]]', [[32.1, 101, 4.8], [1, 2, 3]]],
    ['one JSON list', '[32.1,101,4.8]', [[32.1, 101, 4.8]]],
    ['JSON objects', '[{"s5":4.8,"bmi":32.1,"bp":101}]', [[32.1, 101, 4.8]]],
    ['a request body', '{"inputs":[[32.1,101,4.8]]}', [[32.1, 101, 4.8]]],
  ])('is read: %s', (_, text, rows) => expect(parseTable(text, three)).toEqual({ rows }))

  it('of a model with one input is a list of numbers', () => {
    expect(parseTable('[1,2]', one)).toEqual({ rows: [[1], [2]] })
    expect(parseTable('x\n1\n2', one)).toEqual({ rows: [[1], [2]] })
  })

  it.each([
    ['nothing', '  ', { kind: 'empty' }],
    ['only a header', 'bmi,bp,s5', { kind: 'empty' }],
    ['a column less', 'bmi,bp\n1,2', { kind: 'missing', column: 's5' }],
    ['a short line', '1,2,3\n1,2', { kind: 'width', line: 2, has: 2, wants: 3 }],
    ['a word', 'bmi,bp,s5\n1,2,3\n1,high,3', { kind: 'number', line: 3, column: 'bp', text: 'high' }],
    ['a word after empty lines', '\n\nbmi,bp,s5\n\n1,2,3\r\n  \r\n1,high,3', { kind: 'number', line: 7, column: 'bp', text: 'high' }],
    ['a word after a cell of two lines', 'id,bmi,bp,s5\n"a\nb",1,2,3\nc,1,high,3', { kind: 'number', line: 4, column: 'bp', text: 'high' }],
    ['a word in a row that begins with a cell of two lines', 'id,bmi,bp,s5\n"a\nb",1,high,3', { kind: 'number', line: 2, column: 'bp', text: 'high' }],
    ['null', '[[1,null,3]]', { kind: 'number', line: 1, column: 'bp', text: 'null' }],
  ])('is refused with its place: %s', (_, text, flaw) => expect(parseTable(text, three)).toEqual({ flaws: [flaw] }))

  it('is refused for its JSON', () => expect(parseTable('[1,', three)).toMatchObject({ flaws: [{ kind: 'json' }] }))

  it('tells a few flaws, not thousands', () => {
    expect(parseTable('bmi,bp,s5\n' + 'a,b,c\n'.repeat(1000), three).flaws).toHaveLength(5)
  })
})

it('writes CSV that it can read', () => {
  const text = writeCsv(['a,"b"', 'c'], [[1.5, -2]])
  expect(text).toBe('"a,""b""",c\r\n1.5,-2\r\n')
  expect(parseTable(text, [element('c'), element('a,"b"')])).toEqual({ rows: [[-2, 1.5]] })
})
