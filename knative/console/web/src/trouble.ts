/**
 * What can go wrong with a request:
 * gone: nobody answers; slow: not in time; signIn: a token is needed, or another one; forbidden: this token may not;
 * conflict: somebody else was first; busy: later it may work; refused: what was sent is wrong; broken: a fault on the
 * other side; stopped: the page gave it up.
 */
export type TroubleKind = 'gone' | 'slow' | 'signIn' | 'forbidden' | 'conflict' | 'busy' | 'refused' | 'broken' | 'stopped'

/** A request that failed, and all that was said about it. */
export class Trouble extends Error {
  readonly kind: TroubleKind
  readonly status: number | undefined
  /** The id by which the log of the other side knows it. */
  readonly id: string | undefined
  /** Seconds. */
  readonly retryAfter: number | undefined
  readonly etag: string | undefined
  readonly body: unknown

  constructor(kind: TroubleKind, message: string, told: { status?: number; id?: string; retryAfter?: number; etag?: string; body?: unknown } = {}) {
    super(message)
    this.name = 'Trouble'
    this.kind = kind
    this.status = told.status
    this.id = told.id
    this.retryAfter = told.retryAfter
    this.etag = told.etag
    this.body = told.body
  }

  /** The path of the field that is wrong, such as params.weights[1]; '' if none is named. */
  get field(): string {
    return /^([A-Za-z_][\w-]*(?:\.[\w-]+|\[\d+\])*): /.exec(this.message)?.[1] ?? ''
  }

  /** The message without the path. */
  get reason(): string {
    return this.field ? this.message.slice(this.field.length + 2) : this.message
  }
}

/** Whatever was thrown, as a Trouble. */
export function troubleOf(error: unknown): Trouble {
  return error instanceof Trouble ? error : new Trouble('broken', error instanceof Error ? error.message : String(error))
}
