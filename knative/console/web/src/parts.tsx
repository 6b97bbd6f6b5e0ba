import { type ComponentType, lazy, useState } from 'react'
import { fetched } from './again'
import type { Place } from './router'

/*
 * What is loaded only for the places that need it. A part that is there already is shown at once; React would put a
 * placeholder in its place, and not take that away again for 300 ms.
 */

export function part<P extends object>(load: () => Promise<{ default: ComponentType<P> }>) {
  let loaded: ComponentType<P> | undefined
  const take = async () => {
    const module = await load()
    loaded = module.default
    return module
  }
  const come = () => fetched(take)
  const Later = lazy(come) as unknown as ComponentType<P>
  function Part(props: P) {
    const [Shown] = useState(() => loaded ?? Later)
    return <Shown {...props} />
  }
  return { Part, come }
}

const model = part(() => import('./model/ModelPage'))
const events = part(() => import('./events/EventsPage'))
const params = part(() => import('./params/ParamsTab'))
const traffic = part(() => import('./traffic/TrafficTab'))

export const ModelPage = model.Part
export const EventsPage = events.Part
export const ParamsTab = params.Part
export const TrafficTab = traffic.Part

/** Loads what a place needs. What cannot be had is said where it would be shown. */
export async function partsOf(place: Place) {
  const needed: { come(): Promise<unknown> }[] = []
  if (place.page === 'events') needed.push(events)
  if (place.page === 'model') needed.push(model)
  if (place.page === 'model' && place.tab === 'params') needed.push(params)
  if (place.page === 'model' && place.tab === 'traffic') needed.push(traffic)
  await Promise.allSettled(needed.map((one) => one.come()))
}
