import { onAbort } from "@headwater/core"
import { type ConnectOptions, checkConnect } from "./connect-options.ts"
import type { Link } from "./link.ts"
import { LiveReplica } from "./live-replica.ts"
import type { Replica } from "./replica.ts"
import { ReplicaShare } from "./replica-share.ts"
import { StreamLoop } from "./stream-loop.ts"

/**
 * Follows a topic of a hub, and keeps a replica of it until that is closed.
 *
 * Returns at once; `await replica.ready` for the first whole state. The link is made again whenever
 * it is lost, from the replica's position. The replica closes by itself only when the hub refuses:
 * no such topic, no right to it, a request that is too long, or a protocol that this client does
 * not speak. A hub that cannot be reached is reported by `report` and `status`; where no owner
 * listens to either, a warning is printed once, after 5 s.
 *
 * Calls with the same URLs, topic and filters, and the same `token`, `headers`, `credentials`,
 * `fetch`, `clock`, `random` and `store`, share one stream; functions and objects are compared by
 * identity. Each owner closes its own replica, by its own `signal` if it has one, and gets its own
 * reports; the stream ends with the last owner. The registry is on `globalThis`, so that copies of
 * this module share streams.
 *
 * @throws {OptionError} an option is unknown or senseless, or the filters are above their bounds.
 */
export function connect<Value = unknown>(options: ConnectOptions): Replica<Value> {
  const urls = checkConnect(options)
  const link: Link = { ...options, urls }
  const identity = [urls.join(" "), ...IDENTITY.map((name) => options[name])]
  let shared = [...registry].find((one) => one.identity.every((part, at) => part === identity[at]))
  if (!shared) {
    const live = new LiveReplica()
    const fresh: SharedStream = {
      identity,
      share: (options) => new ReplicaShare(live, link, options),
    }
    registry.add(fresh)
    onAbort(live.closing.signal, () => registry.delete(fresh))
    live.running = new StreamLoop(live, link).run()
    shared = fresh
  }
  return shared.share(options) as Replica<Value>
}

// Together with the URLs, these decide about every request.
const IDENTITY = "token headers credentials fetch clock random store".split(
  " ",
) as readonly (keyof ConnectOptions)[]

/** A stream with at least one owner. */
interface SharedStream {
  /** Two calls of `connect` with the same parts share the stream. */
  readonly identity: readonly unknown[]
  /** Makes another share. */
  readonly share: (options: ConnectOptions) => Replica
}

const kRegistry = Symbol.for("@headwater/client")
const page = globalThis as { [kRegistry]?: Set<SharedStream> }
page[kRegistry] ??= new Set()
const registry = page[kRegistry]
