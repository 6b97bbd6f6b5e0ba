import type { ModelInfo, Replica, ReplicasEvent } from '../contract'

/** How the replicas that follow the registry stand. */
export interface Standing {
  /** Those that are to be on the version: pinned and ended ones are not. */
  all: Replica[]
  onVersion: number
  catchingUp: number
  rejected: Replica[]
  stale: number
}

/** Counts the replicas of a model; those of revisions that are pinned to a version stay where they are, and do not count. */
export function standingOf({ version, replicas }: ReplicasEvent, pinned: ReadonlySet<string> = new Set()): Standing {
  const all = replicas.filter((r) => r.state !== 'draining' && !pinned.has(r.revision))
  const rejected = all.filter((r) => r.state === 'rejected')
  const onVersion = all.filter((r) => r.version === version && r.state === 'serving').length
  const stale = all.filter((r) => r.version === version && r.state === 'stale').length
  return { all, onVersion, rejected, stale, catchingUp: all.length - onVersion - rejected.length - stale }
}

/** Revisions that stay on a version of their own. */
export function pinnedOf(model: ModelInfo | undefined): ReadonlySet<string> {
  return new Set(model?.revisions.filter((r) => r.paramsVersion > 0).map((r) => r.name))
}
