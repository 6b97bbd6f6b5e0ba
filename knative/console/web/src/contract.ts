/* The JSON that the gateway and the registry speak: knative/console/api.go and functions/registry/api/openapi.yaml. */

export interface ModelList {
  managed: boolean
  signIn: boolean
  registry: 'none' | 'ready' | 'away'
  models: ModelInfo[]
}

export interface ModelInfo {
  name: string
  kind: 'model' | 'component'
  description?: string
  signature: Signature | null
  state: 'ready' | 'starting' | 'zero' | 'failing' | 'inside' | 'absent'
  reason?: string
  params: ParamsInfo | null
  revisions: Revision[]
  /** How many there are besides, which have neither traffic, a tag nor pods; missing if none. */
  leftOut?: number
  split?: string
  /** Missing if that is not known, as of what another tool set. */
  trafficSet?: TrafficSet
}

/** Who set the traffic as it stands: `by` owns the token that was shown on the page, or is the login name at the tool, which nobody verified; missing if that is not known. */
export interface TrafficSet {
  by?: string
  at: string
}

export interface Signature {
  inputs: Value[]
  outputs: Value[]
  dataset?: string
}

export interface Value {
  name: string
  datatype: string
  shape: number[]
  range?: { min: number; max: number }
  unit?: string
  description?: string
}

export interface ParamsInfo {
  version: number
  digest: string
  requires: { name: string; version: number; digest: string }[]
  author?: string
  message?: string
  created?: string
  held?: boolean
}

export interface Revision {
  name: string
  image: string
  /** 0: it follows what is current. */
  paramsVersion: number
  percent: number
  tags: string[]
  ready: boolean
  reason?: string
  /** 0: scaled to zero; -1: not known. */
  pods: number
  created: string
}

export interface Share {
  revision: string
  percent: number
  tags: string[]
}

export interface SplitChanged {
  traffic: Share[]
  etag: string
  set?: TrafficSet
  former: Share[] | null
  error?: string
}

export interface ParamsEvent extends ParamsInfo {
  model: string
  /** The version that was current when this one was seen. */
  current: number
}

export interface Replica {
  name: string
  revision: string
  version: number
  digest?: string
  state: 'loading' | 'serving' | 'stale' | 'rejected' | 'draining'
  since: string
  error?: string
}

export interface ReplicasEvent {
  model: string
  version: number
  replicas: Replica[]
}

export interface Stats {
  /** Unix time in seconds. */
  at: number
  models: Record<string, ModelStats>
}

export interface ModelStats {
  requests: number
  errors: number
  p50: number | null
  p99: number | null
  revisions?: Record<string, number>
}

export type Requires = Record<string, { version: number; digest: string }>

export interface Document {
  model: string
  version: number
  digest: string
  requires?: Requires
  params: unknown
  held?: boolean
  author?: string
  message?: string
  created?: string
}

export interface Page {
  versions: Document[]
  /** The `before` of the next page; missing on the last. */
  next?: number
}

/** As much of JSON Schema as the schemas of params use. */
export interface JsonSchema {
  type?: string
  title?: string
  description?: string
  properties?: Record<string, JsonSchema>
  required?: string[]
  items?: JsonSchema
  minItems?: number
  maxItems?: number
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  exclusiveMaximum?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  enum?: unknown[]
  default?: unknown
  additionalProperties?: boolean | JsonSchema
  format?: string
  'x-unit'?: string
}

export interface Dataset {
  name: string
  columns: string[]
  /** Rows in the file; `rows` may hold fewer. */
  total: number
  rows: (number | string)[][]
}
