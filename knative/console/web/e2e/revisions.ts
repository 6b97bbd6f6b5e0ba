import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import type { ModelList, Revision, Share } from '../src/contract'
import { ask } from './server'

const revision = (n: number, more: Partial<Revision>): Revision => ({
  name: `model-b-0000${n}`,
  image: `registry.local:5000/modelfn/model-b@sha256:${String(n).repeat(64)}`,
  paramsVersion: 0,
  percent: 0,
  tags: [],
  ready: true,
  pods: 1,
  created: new Date(Date.now() - (4 - n) * 86_400_000).toISOString(),
  ...more,
})

/** Somebody else, with a name that is long. */
export const colleague = 'firstname.lastname@departments.example.com'

/** The run as a cluster's gateway would show it: the models and predictions are real, their revisions and the traffic stand here. */
export class Cluster {
  etag = 1
  /** Who set the traffic, and when. */
  by = colleague
  private at = new Date(Date.now() - 330_000).toISOString()
  revisions = [revision(3, { tags: ['candidate'], pods: 0 }), revision(2, { percent: 100, pods: 2 }), revision(1, { paramsVersion: 1, pods: 0 })]
  /** A model that is not deployed yet. */
  without = ''
  private list!: ModelList

  async stand(page: Page, url: string) {
    this.list = (await (await ask(url, '/api/models')).json()) as ModelList
    // A stream of its own, which stays open: one that ends again and again is taken for a server that is away, if opening it takes its time.
    const streams = createServer((_, response) => {
      let told = ''
      const tell = () => {
        const models = JSON.stringify(this.shown())
        if (models !== told) response.write(`event: models\ndata: ${models}\n\n`)
        told = models
      }
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      tell()
      const telling = setInterval(tell, 300)
      response.on('close', () => clearInterval(telling))
    })
    await new Promise<void>((listens) => streams.listen(0, '127.0.0.1', listens))
    page.on('close', () => (streams.closeAllConnections(), streams.close()))
    await page.route('**/api/live', (route) => route.continue({ url: `http://127.0.0.1:${(streams.address() as AddressInfo).port}/` }))
    await page.route('**/api/models/model-b/traffic', async (route) => {
      const { traffic } = route.request().postDataJSON() as { traffic: Share[] }
      if (route.request().headers()['if-match'] !== `"${this.etag}"`) return route.fulfill({ status: 412, json: { traffic: this.shares(), etag: String(this.etag), set: this.whoSet(), former: null, error: 'another change came first' } })
      const former = this.shares()
      this.set(traffic, 'alice')
      await route.fulfill({ json: { traffic, etag: String(this.etag), set: this.whoSet(), former } })
    })
    let asked = 0
    await page.route('**/model-b/predict', async (route) => {
      const response = await route.fetch()
      const at = (asked++ * 37) % 100 // each hundredth once in a hundred
      let sum = 0
      const name = this.revisions.find((r) => (sum += r.percent) > at)!.name
      await route.fulfill({ response, headers: { ...response.headers(), 'modelfn-revision': name } })
    })
  }

  set(traffic: Share[], by = colleague) {
    this.etag++
    this.by = by
    this.revisions = this.revisions.map((r) => ({ ...r, percent: 0, tags: [], ...traffic.find((s) => s.revision === r.name) }))
  }

  private whoSet() {
    return { by: this.by, at: this.at }
  }

  private shares(): Share[] {
    return this.revisions.filter((r) => r.percent > 0 || r.tags.length > 0).map(({ name, percent, tags }) => ({ revision: name, percent, tags }))
  }

  private shown(): ModelList {
    return { ...this.list, managed: true, models: this.list.models.filter((m) => m.name !== this.without).map((m) => (m.name === 'model-b' ? { ...m, revisions: this.revisions, split: String(this.etag), trafficSet: this.whoSet() } : m)) }
  }
}
