import { expect, it } from 'vitest'
import { parsePlace, pathOf, type Place } from './router'

const places: [string, Place][] = [
  ['#/', { page: 'models' }],
  ['#/models/model-a/effect', { page: 'model', model: 'model-a', tab: 'effect' }],
  ['#/models/a%2Fb/params', { page: 'model', model: 'a/b', tab: 'params' }],
  ['#/models/a/effect?beside=b,c%2Cd', { page: 'model', model: 'a', tab: 'effect', beside: ['b', 'c,d'] }],
  ['#/models/a/params?beside=', { page: 'model', model: 'a', tab: 'params', beside: [] }],
  ['#/events', { page: 'events' }],
]

it.each(places)('%s is a place, and back', (path, place) => {
  expect(parsePlace(path)).toEqual(place)
  expect(pathOf(place)).toBe(path)
})

it.each(['', '#', '#/models'])('%j is the models, too', (path) => {
  expect(parsePlace(path)).toEqual({ page: 'models' })
})

it.each(['#/nowhere', '#/models/a/b', '#/models/a/effect/c', '#/events/x'])('%s is no place', (path) => {
  expect(parsePlace(path)).toEqual({ page: 'lost' })
})
