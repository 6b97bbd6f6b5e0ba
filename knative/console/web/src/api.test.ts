import axios, { AxiosError, type AxiosResponse, CanceledError, type InternalAxiosRequestConfig } from 'axios'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Trouble } from './trouble'

/* The requests that the page makes, and what becomes of answers; nothing leaves the test. */

const asked: InternalAxiosRequestConfig[] = []
let answer: (config: InternalAxiosRequestConfig) => Promise<AxiosResponse>

axios.defaults.adapter = (config) => {
  asked.push(config)
  return answer(config)
}
const api = await import('./api')

function says(status: number, data: unknown, headers: Record<string, string> = {}) {
  answer = (config) => {
    const response: AxiosResponse = { status, statusText: 'status', data, headers, config }
    return status < 400 ? Promise.resolve(response) : Promise.reject(new AxiosError('', 'ERR', config, null, response))
  }
}

async function troubleOf(request: Promise<unknown>): Promise<Trouble> {
  return request.then(
    () => expect.fail('no trouble'),
    (error: Trouble) => error,
  )
}

beforeEach(() => {
  asked.length = 0
  api.sendWith('')
})

describe('a request', () => {
  it('tells what answered', async () => {
    says(200, { outputs: [1, 2] }, { 'modelfn-model': 'a', 'modelfn-params-version': '7', 'modelfn-revision': 'a-00002' })
    const { outputs, by } = await api.predict('a', [[1], [2]])
    expect(outputs).toEqual([1, 2])
    expect(by).toMatchObject({ model: 'a', version: 7, revision: 'a-00002' })
    expect(asked[0]).toMatchObject({ url: '/a/predict', data: '{"inputs":[[1],[2]]}' })
  })

  it('has as long as the gateway gives a model that is being started', async () => {
    says(200, { outputs: [] })
    await api.predict('a', [])
    await api.evaluate('a', { params: {} }, [])
    await api.currentParams('a')
    expect(asked.map((c) => c.timeout)).toEqual([60_000, 60_000, 15_000])
  })

  it('writes only on what it names, and where there is nothing only as long as that is so', async () => {
    says(201, {}, { etag: '"1-abc"' })
    await api.putParams('a', { params: {} }, { ifMatch: '"1-abc"', idempotencyKey: 'k' })
    await api.putParams('a', { params: {} }, { ifMatch: '', idempotencyKey: 'k' })
    await api.copyParams('a', 'promote', { version: 1 }, { ifMatch: '', idempotencyKey: 'k' })
    const conditions = asked.map(({ headers }) => [headers.get('If-Match'), headers.get('If-None-Match')])
    expect(conditions).toEqual([['"1-abc"', undefined], [undefined, '*'], [undefined, '*']])
  })

  it('cannot leave its path by a name', async () => {
    says(200, { versions: [] })
    await api.versionsOf('../../x?y')
    expect(asked[0]!.url).toBe('/params/..%2F..%2Fx%3Fy/versions')
  })

  const options = { ifMatch: '"1"', idempotencyKey: 'k' }
  it.each<[string, () => Promise<unknown>]>([
    ['evaluate', () => api.evaluate('a', { params: {} }, [])],
    ['put', () => api.putParams('a', { params: {} }, options)],
    ['promote', () => api.copyParams('a', 'promote', { version: 1 }, options)],
    ['rollback', () => api.copyParams('a', 'rollback', { version: 1 }, options)],
    ['traffic', () => api.setTraffic('a', [], '1')],
  ])('that needs a token shows that of who signed in: %s', async (_, request) => {
    says(200, { outputs: [] })
    await request()
    api.sendWith('secret')
    await request()
    expect(asked.map((c) => c.headers.get('Authorization'))).toEqual([undefined, 'Bearer secret'])
  })

  it.each<[string, () => Promise<unknown>]>([
    ['predict', () => api.predict('a', [])],
    ['data', () => api.dataset('a')],
    ['current', () => api.currentParams('a')],
    ['version', () => api.versionOf('a', 1)],
    ['versions', () => api.versionsOf('a')],
    ['schema', () => api.schemaOf('a')],
  ])('that only reads shows no token to anybody: %s', async (_, request) => {
    says(200, { outputs: [] })
    api.sendWith('secret')
    await request()
    expect(asked[0]!.headers.has('Authorization')).toBe(false)
  })

  it('for who a token belongs to shows that one alone', async () => {
    says(200, { name: 'bob' })
    api.sendWith('secret')
    expect(await api.session('another')).toBe('bob')
    expect(asked[0]!.headers.get('Authorization')).toBe('Bearer another')
  })

  it('that writes names what it is based on, and can be repeated', async () => {
    says(201, { version: 8 }, { etag: '"8-x"' })
    const options = { ifMatch: '"7-x"', idempotencyKey: 'k' }
    expect(await api.putParams('a', { params: {} }, { ...options, hold: true })).toEqual({ document: { version: 8 }, etag: '"8-x"' })
    await api.copyParams('a', 'rollback', { version: 3 }, options)
    for (const c of asked) expect([c.headers.get('If-Match'), c.headers.get('Idempotency-Key')]).toEqual(['"7-x"', 'k'])
    expect(asked.map((c) => [c.method, c.url, c.params])).toEqual([
      ['put', '/params/a', { hold: 'true' }],
      ['post', '/params/a/rollback', undefined],
    ])
  })

  it('is made on the split that the page had', async () => {
    says(200, { traffic: [], etag: 'b', former: null })
    expect(await api.setTraffic('a', [{ revision: 'a-1', percent: 100, tags: [] }], 'a')).toMatchObject({ etag: 'b' })
    expect([asked[0]!.method, asked[0]!.url, asked[0]!.headers.get('If-Match')]).toEqual(['post', '/api/models/a/traffic', '"a"'])
  })
})

describe('trouble', () => {
  it.each([
    [400, 'refused'],
    [401, 'signIn'],
    [403, 'forbidden'],
    [409, 'conflict'],
    [412, 'conflict'],
    [429, 'busy'],
    [500, 'broken'],
    [503, 'busy'],
  ])('%d is %s', async (status, kind) => {
    says(status, { error: 'params.weights[1]: not a number', id: 'f00d' }, { 'retry-after': '2' })
    const trouble = await troubleOf(api.currentParams('a'))
    expect(trouble).toMatchObject({ kind, status, id: 'f00d', retryAfter: 2, field: 'params.weights[1]', reason: 'not a number' })
  })

  it("has the article's message, and whatever else was answered", async () => {
    says(400, { message: 'Invalid model!' })
    expect(await troubleOf(api.predict('x', []))).toMatchObject({ message: 'Invalid model!', field: '' })
    says(502, '<html>')
    expect(await troubleOf(api.predict('x', []))).toMatchObject({ kind: 'broken', message: 'status', body: '<html>' })
  })

  it('is gone, slow or stopped where there was no answer', async () => {
    answer = (config) => Promise.reject(new AxiosError('Network Error', AxiosError.ERR_NETWORK, config))
    expect(await troubleOf(api.currentParams('a'))).toMatchObject({ kind: 'gone' })
    answer = (config) => Promise.reject(new AxiosError('timeout', AxiosError.ECONNABORTED, config))
    expect(await troubleOf(api.currentParams('a'))).toMatchObject({ kind: 'slow' })
    answer = () => Promise.reject(new CanceledError())
    expect(await troubleOf(api.currentParams('a'))).toMatchObject({ kind: 'stopped' })
  })
})
