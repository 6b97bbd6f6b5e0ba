import { request, type IncomingMessage, type RequestOptions } from 'node:http'
import { describe, expect, it } from 'vitest'
import { aRun } from './run'
import { ask } from './server'

const patient = [32.1, 101, 4.8598]

describe('8. the gateway', () => {
  const server = aRun({ replicas: 1 })
  const predict = (model: string, headers: Record<string, string> = {}) => ask(server.url, `/${model}/predict`, { method: 'POST', json: { input: patient }, headers })

  /** Asks as no browser does, and no client that means well; resolves with the status. */
  const forge = (options: RequestOptions) =>
    new Promise<number>((resolve, reject) => {
      const { hostname, port } = new URL(server.url)
      const told = (response: IncomingMessage) => (response.resume(), resolve(response.statusCode!))
      request({ hostname, port, ...options }, told).on('connect', told).on('error', reject).end()
    })

  it('finds the models of the run, and says when all of it answers', async () => {
    const models = ['model-a', 'model-b', 'model-c']
    expect(await (await ask(server.url, '/v1/models')).json()).toEqual({ models })
    expect(await (await ask(server.url, '/health/ready')).json()).toEqual({ status: 'ready' })
    const index = await (await ask(server.url, '/')).text() // for who is no browser
    for (const model of models) expect(index).toContain(model)
  })

  it.each(['model-a', 'model_a'])('has the route of the article: POST /%s/predict', async (name) => {
    const response = await predict(name)
    expect(await response.json()).toEqual({ output: expect.closeTo(111.886, 3) })
    expect(Object.fromEntries(response.headers)).toMatchObject({ 'modelfn-model': 'model-a', 'modelfn-params-version': '1', 'modelfn-components': 'component-d=1', 'modelfn-revision': 'local' })
  })

  it('says of a model that there is none, as the article has it', async () => {
    const response = await predict('nobody')
    expect([response.status, await response.json()]).toEqual([400, { message: 'Invalid model!' }])
  })

  it('speaks as KServe and TensorFlow Serving do', async () => {
    expect(await (await ask(server.url, '/v1/models/model-a')).json()).toEqual({ name: 'model-a', ready: true })
    const response = await ask(server.url, '/v1/models/model-a:predict', { method: 'POST', json: { instances: [patient, patient] } })
    expect(await response.json()).toEqual({ predictions: [expect.closeTo(111.886, 3), expect.closeTo(111.886, 3)] })
  })

  it('passes a trace on to the model, and begins one where there is none', async () => {
    const trace = '0af7651916cd43dd8448eb211c80319c'
    await predict('model-c', { traceparent: `00-${trace}-b7ad6b7169203331-01` })
    await predict('model-c')
    const traces = async () => [...(await server.run.log('model-c')).matchAll(/"route":"predict".*"trace":"([0-9a-f]{32})"/g)].map(([, id]) => id)
    await expect.poll(traces).toEqual([trace, expect.not.stringMatching(trace)])
  })

  it('is no open proxy: it goes to its models, by their routes alone', async () => {
    expect(await forge({ path: 'http://example.com/' })).toBe(403)
    expect(await forge({ path: '/', headers: { Host: 'example.com' } })).toBe(403)
    expect(await forge({ method: 'CONNECT', path: 'example.com:443' })).toBe(403)
    for (const path of ['/model-a/events', '/model-a/params', '/model-a/health/live', '/model-a%2F..%2Fmodel-b/predict', '/../etc/passwd', '/metrics']) {
      expect(await forge({ method: 'POST', path }), path).toBe(404)
    }
  })
})
