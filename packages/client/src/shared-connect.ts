import { type ConnectOptions, connect as connectAlone, streamUrl } from "./client.ts"
import type { Replica } from "./replica.ts"
import { ReplicaShare, type SharedReplica } from "./replica-share.ts"

/**
 * As `connect` of `@headwater/client`, but whoever asks for what is followed already, at the same
 * URLs with the same filters, token, fetch and store, shares that stream and what it holds.
 *
 * Each owner closes its own replica, which ends what was listened to through it, and leaves it as
 * it was. The stream is let go of with the last. A token given as a function is the same where it
 * is the same function. Kept for all copies of this module in the process or page.
 *
 * @throws {TypeError} `url` is none.
 */
export function connect<Value = unknown>(options: ConnectOptions): Replica<Value> {
  const { token, fetch, clock, random, store } = options
  const urls = [options.url].flat().map((url) => streamUrl(url, options).href)
  const wants = [token, fetch, clock, random, store, ...urls]
  const known = shared().find((one) => isSame(one.wants, wants) && isOpen(one))
  const one = known ?? open(options, wants)
  return new ReplicaShare<Value>(one as SharedReplica<Value>, options)
}

function open(options: ConnectOptions, wants: readonly unknown[]): SharedReplica {
  const { signal: _, ...rest } = options
  const owners = new Set<ReplicaShare<unknown>>()
  const replica = connectAlone({
    ...rest,
    report: (report) => {
      for (const owner of [...owners]) owner.report(report)
    },
  })
  const one = { wants, replica, owners, forget: () => forget(one) }
  shared().push(one)
  return one
}

// A replica that its hub refused is closed for all; who asks again, asks the hub again.
function isOpen({ replica, owners }: SharedReplica): boolean {
  return owners.size > 0 && replica.status.state !== "closed"
}

function isSame(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((want, at) => want === other[at])
}

function forget(one: SharedReplica): void {
  const all = shared()
  const at = all.indexOf(one)
  if (at >= 0) all.splice(at, 1)
}

const kShared = Symbol.for("@headwater/client/shared")

// Bounded by the replicas that somebody holds.
function shared(): SharedReplica[] {
  const room = globalThis as { [kShared]?: SharedReplica[] }
  room[kShared] ??= []
  return room[kShared]
}
