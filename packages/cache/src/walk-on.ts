import type { Delta, Entry, Position, StatusReport } from "@headwater/core"
import type { Place, Snapshot } from "@headwater/core/engine"
import type { CacheFrame } from "./cache-frame.ts"
import { type CatchUp, plan, walked } from "./catch-up.ts"
import type { Followed } from "./followed.ts"

/** A version that a follower holds whole, and what it adds up to. */
export interface Whole {
  readonly version: number
  readonly position: Position
  readonly entries: number
  readonly digest: string
  /** The link to the source, when this version was the newest. */
  readonly report: StatusReport
}

/**
 * Goes on with a run over whatever is newest, slice by slice, and holds nothing in between but a
 * place: for a follower that stalled in the middle of one. From the first place, so that it hears
 * again what it has; what it does not have it hears in any case.
 *
 * Slower than a run that holds its snapshot: values go by way of the wire's base64.
 *
 * @returns what the follower holds then; nothing when it must start afresh.
 */
export function* walkOn(
  cache: Followed,
  from: { readonly epoch: string; readonly since: number; readonly bytesMax: number },
): Generator<CacheFrame, Whole | undefined> {
  let state: CatchUp = { held: from.since }
  for (;;) {
    const { current, position, report } = cache
    if (current === undefined || position === undefined) return undefined
    if (current.life.epoch !== from.epoch) return undefined
    const { snapshot, life } = current
    const { version, size: entries, digest } = snapshot
    const next = plan(state, { version, horizon: life.horizon })
    if (next.type === "reset") return undefined
    if (next.type === "idle") return { version, position, entries, digest, report }
    const slice = sliceOf(snapshot, next, from.bytesMax)
    state = walked(state, version, slice)
    const isWhole = state.walk === undefined
    if (next.since === 0) {
      if (slice.entries.length > 0) yield { type: "entries", entries: slice.entries }
    } else if (slice.deltas.length > 0) {
      yield { type: "delta", deltas: slice.deltas, ...(isWhole ? { position } : {}) }
    }
    if (isWhole) return { version, position, entries, digest, report }
  }
}

interface Slice {
  readonly entries: readonly Entry[]
  readonly deltas: readonly Delta[]
  readonly ended: boolean
  readonly place: Place
}

interface Told {
  readonly op?: Delta["op"]
  readonly key: string
  readonly value?: string
  readonly revision: number
}

const decoder = new TextDecoder()

function sliceOf(
  snapshot: Snapshot,
  { since, after }: { readonly since: number; readonly after?: Place },
  bytesMax: number,
): Slice {
  const request = { since, values: "binary", bytesMax } as const
  const { body, ended, place } = snapshot.walk(
    after === undefined ? request : { ...request, after },
  )
  const told = JSON.parse(`[${decoder.decode(body)}]`) as Told[]
  const isAll = since === 0
  const entries = isAll
    ? told.map(({ key, value = "", revision }) => ({ key, value: bytesOf(value), revision }))
    : []
  const deltas = isAll ? [] : told.map(deltaOf)
  return { entries, deltas, ended, place }
}

function deltaOf({ op = "put", key, value = "", revision }: Told): Delta {
  return op === "put" ? { op, key, value: bytesOf(value), revision } : { op, key, revision }
}

function bytesOf(base64: string): Uint8Array {
  const binary = atob(base64)
  const bytes = new Uint8Array(binary.length)
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index)
  return bytes
}
