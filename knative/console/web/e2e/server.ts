/** What a test does beside the page: as another person, or a program, would. */

export async function ask(url: string, path: string, init: RequestInit & { json?: unknown } = {}): Promise<Response> {
  const { json, ...rest } = init
  const body = json === undefined ? undefined : JSON.stringify(json)
  const response = await fetch(url + path, { ...rest, body, headers: { ...(body && { 'Content-Type': 'application/json' }), ...rest.headers } })
  return response
}

interface Document {
  version: number
  params: Record<string, unknown>
  requires?: unknown
}

/** Writes a new version of a model's params: what is there, and the change. */
export async function change(url: string, model: string, patch: Record<string, unknown>, message = '', token = ''): Promise<Document> {
  const headers = { 'If-Match': '*', ...(token && { Authorization: `Bearer ${token}` }) }
  const response = await ask(url, `/params/${model}`, { method: 'PATCH', json: { params: patch, message }, headers })
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
  return (await response.json()) as Document
}

export async function predict(url: string, model: string, input: unknown): Promise<number> {
  const response = await ask(url, `/${model}/predict`, { method: 'POST', json: { input } })
  return ((await response.json()) as { output: number }).output
}
