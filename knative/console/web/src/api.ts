import type { AxiosRequestConfig, AxiosResponse, AxiosStatic } from 'axios'
import { Trouble, type TroubleKind } from './trouble'
import { fetched } from './again'
import type { Dataset, Document, JsonSchema, Page, Requires, Share, SplitChanged } from './contract'

/*
 * All that the page asks of the gateway, and the one place that knows axios. Whatever goes wrong is thrown as a
 * Trouble; a request that its caller gave up ends with a Trouble of kind "stopped".
 */

/** It comes with the first request: the page is there before it. */
const loadAxios = () => import('axios').then((module) => module.default)

let token = ''

/** The token that is shown with what needs one; '' is none. */
export function sendWith(next: string) {
  token = next
}

/** Shows the token, which is for writes and for params that are nowhere stored. No model gets it with a prediction. */
function sendSigned<T>(config: AxiosRequestConfig): Promise<AxiosResponse<T>> {
  return send<T>({ ...config, headers: { ...config.headers, ...(token && { Authorization: `Bearer ${token}` }) } })
}

async function send<T>(config: AxiosRequestConfig): Promise<AxiosResponse<T>> {
  const axios = await fetched(loadAxios)
  try {
    return await axios.request<T>({ timeout: 15_000, ...config, headers: { 'Content-Type': 'application/json', ...config.headers } })
  } catch (error) {
    throw asTrouble(error, axios)
  }
}

const kinds: Record<number, TroubleKind> = { 401: 'signIn', 403: 'forbidden', 409: 'conflict', 412: 'conflict', 429: 'busy', 503: 'busy' }

function asTrouble(error: unknown, axios: AxiosStatic): Trouble {
  if (axios.isCancel(error)) return new Trouble('stopped', 'stopped')
  if (!axios.isAxiosError(error)) return new Trouble('broken', String(error))
  const { response } = error
  if (!response) return new Trouble(error.code === 'ECONNABORTED' || error.code === 'ETIMEDOUT' ? 'slow' : 'gone', error.message)
  const body: unknown = response.data
  const told = typeof body === 'object' && body !== null ? (body as { error?: unknown; message?: unknown; id?: unknown }) : {}
  const message = typeof told.error === 'string' ? told.error : typeof told.message === 'string' ? told.message : response.statusText
  return new Trouble(kinds[response.status] ?? (response.status < 500 ? 'refused' : 'broken'), message, {
    status: response.status,
    id: typeof told.id === 'string' ? told.id : undefined,
    retryAfter: Number(response.headers['retry-after']) || undefined,
    etag: response.headers['etag'] as string | undefined,
    body,
  })
}

/** What answered a prediction. */
export interface Answered {
  model: string
  version: number
  digest: string
  components: string
  revision: string
}

/** Outputs, in the order of the inputs, and what they came from. */
export interface Outputs {
  outputs: unknown[]
  by: Answered
}

function outputsOf(response: AxiosResponse<{ outputs: unknown[] }>): Outputs {
  const header = (name: string) => String(response.headers[name] ?? '')
  return {
    outputs: response.data.outputs,
    by: {
      model: header('modelfn-model'),
      version: Number(header('modelfn-params-version')),
      digest: header('modelfn-params-digest'),
      components: header('modelfn-components'),
      revision: header('modelfn-revision'),
    },
  }
}

const at = encodeURIComponent

/** As long as the gateway waits itself, in milliseconds: a model at zero is started first. */
const patience = 60_000

/** Asks a model for many inputs at once. */
export async function predict(model: string, inputs: unknown[], signal?: AbortSignal): Promise<Outputs> {
  return outputsOf(await send({ method: 'POST', url: `/${at(model)}/predict`, data: { inputs }, timeout: patience, signal }))
}

/** Asks what params that are nowhere stored would answer: the model's own code builds and runs them. At most 1,000 inputs. */
export async function evaluate(model: string, proposed: { params: unknown; requires?: Requires }, inputs: unknown[], signal?: AbortSignal): Promise<Outputs> {
  return outputsOf(await sendSigned({ method: 'POST', url: `/${at(model)}/evaluate`, data: { ...proposed, inputs }, timeout: patience, signal }))
}

/** Training data. */
export async function dataset(name: string, signal?: AbortSignal): Promise<Dataset> {
  return (await send<Dataset>({ url: `/data/${at(name)}`, signal })).data
}

/** Who a token belongs to. */
export async function session(candidate: string, signal?: AbortSignal): Promise<string> {
  return (await send<{ name: string }>({ url: '/api/session', headers: { Authorization: `Bearer ${candidate}` }, signal })).data.name
}

/** A document, and the tag that a write of the next one must name. */
export interface Tagged {
  document: Document
  etag: string
}

function taggedOf(response: AxiosResponse<Document>): Tagged {
  return { document: response.data, etag: String(response.headers['etag'] ?? '') }
}

export async function currentParams(model: string, signal?: AbortSignal): Promise<Tagged> {
  return taggedOf(await send({ url: `/params/${at(model)}`, signal }))
}

export async function versionOf(model: string, version: number, signal?: AbortSignal): Promise<Tagged> {
  return taggedOf(await send({ url: `/params/${at(model)}/versions/${version}`, signal }))
}

/** A page of the history, the newest first. */
export async function versionsOf(model: string, page: { before?: number; limit?: number } = {}, signal?: AbortSignal): Promise<Page> {
  return (await send<Page>({ url: `/params/${at(model)}/versions`, params: page, signal })).data
}

export async function schemaOf(model: string, signal?: AbortSignal): Promise<JsonSchema> {
  return (await send<JsonSchema>({ url: `/params/${at(model)}/schema`, signal })).data
}

/** How a write is made: on which document, '' where there is none that is current, and under a key by which it can be sent again when its answer got lost. */
export interface WriteOptions {
  ifMatch: string
  idempotencyKey: string
}

function writeHeaders(options: WriteOptions) {
  const upon = options.ifMatch ? { 'If-Match': options.ifMatch } : { 'If-None-Match': '*' }
  return { ...upon, 'Idempotency-Key': options.idempotencyKey }
}

/** Writes a new version. If another came first: a Trouble of kind "conflict", its body the document that is current. */
export async function putParams(
  model: string,
  change: { params: unknown; requires?: Requires; message?: string },
  options: WriteOptions & { hold?: boolean },
): Promise<Tagged> {
  const params = options.hold ? { hold: 'true' } : {}
  return taggedOf(await sendSigned({ method: 'PUT', url: `/params/${at(model)}`, data: change, params, headers: writeHeaders(options) }))
}

/** Makes a held version current (promote), or an older one again (rollback); both as a copy. */
export async function copyParams(model: string, verb: 'promote' | 'rollback', copy: { version: number; message?: string }, options: WriteOptions): Promise<Tagged> {
  return taggedOf(await sendSigned({ method: 'POST', url: `/params/${at(model)}/${verb}`, data: copy, headers: writeHeaders(options) }))
}

/** Sets the traffic of a model's revisions, if its split is still the one named `ifMatch`. If it was changed by others: a Trouble of kind "conflict", its body SplitChanged. */
export async function setTraffic(model: string, traffic: Share[], ifMatch: string): Promise<SplitChanged> {
  return (await sendSigned<SplitChanged>({ method: 'POST', url: `/api/models/${at(model)}/traffic`, data: { traffic }, headers: { 'If-Match': `"${ifMatch}"` } })).data
}
