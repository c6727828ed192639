import type { SyncError } from "@headwater/core"
import { type Frame, streamPath } from "@headwater/protocol"
import { BACKOFF_RESET_MS, backoffMs } from "./backoff.ts"
import type { ConnectOptions } from "./connect-options.ts"
import { followStream } from "./connection.ts"
import type { ClientClock, Link } from "./link.ts"
import { LiveReplica } from "./live-replica.ts"
import type { Replica } from "./replica.ts"
import { ReplicaError } from "./replica-error.ts"
import { ReplicaShare } from "./replica-share.ts"
import { onAbort, wait } from "./wait.ts"

/** A mismatch is answered by a fresh snapshot, but by no second one within this. */
export const FRESH_INTERVAL_MS = 600_000

/**
 * Follows a topic of a hub, and keeps a replica of it until that is closed.
 *
 * Returns at once; `await replica.ready` for the first whole state. The link is made again whenever
 * it is lost, from where it was. The replica closes by itself only when the hub refuses: no such
 * topic, no right to it, or a protocol that this client does not speak.
 *
 * Whoever asks for what is followed already shares that stream: the same URLs, topic and filters,
 * and the same `token`, `fetch`, `clock`, `random` and `store`, where functions and objects are the
 * same if they are one. Each owner closes its own replica, by its own `signal` if it has one, and
 * hears reports; the stream goes with the last. So it is for all copies of this module in a process
 * or page.
 *
 * @throws {TypeError} `url` is none.
 */
export function connect<Value = unknown>(options: ConnectOptions): Replica<Value> {
  const { token, fetch, clock, random, store } = options
  const urls = [options.url].flat().map((url) => streamUrl(url, options))
  const link = { urls, token, fetch, clock, random, store }
  const wants = [urls.join(" "), token, fetch, clock, random, store]
  let shared = [...allShared].find((one) => one.wants.every((want, at) => want === wants[at]))
  if (!shared) {
    const live = new LiveReplica()
    const fresh: Shared = { wants, own: (options) => new ReplicaShare(live, link, options) }
    allShared.add(fresh)
    onAbort(live.closing.signal, () => allShared.delete(fresh))
    live.running = run(live, link)
    shared = fresh
  }
  return shared.own(options) as Replica<Value>
}

/** A stream that somebody owns a share of. */
interface Shared {
  /** What decides whether two who ask can share it. */
  readonly wants: readonly unknown[]
  /** Makes another share. */
  readonly own: (options: ConnectOptions) => Replica
}

const kShared = Symbol.for("@headwater/client")

// On the global object, so that copies of this module share streams. Bounded by what is owned.
const room = globalThis as { [kShared]?: Set<Shared> }
room[kShared] ??= new Set()
const allShared = room[kShared]

const machineClock: ClientClock = {
  now: Date.now,
  elapsed: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs)
    return () => clearTimeout(timer)
  },
}

// Runs until closed or refused. Never rejects.
async function run(live: LiveReplica, link: Link): Promise<void> {
  const { urls, token: source, store, random = Math.random } = link
  const { clock = machineClock, fetch = globalThis.fetch } = link
  const { signal } = live.closing
  let failures = 0
  const renew = typeof source === "function" ? source : undefined
  let token = renew ? undefined : (source as string | undefined)
  // What a fresh token was asked for in place of, since the last `hello`.
  let expired: string | undefined
  let liveSince: number
  let refusal: Error | undefined
  let freshSince = Number.NEGATIVE_INFINITY

  const onFrame = (frame: Frame) => {
    const now = clock.elapsed()
    const isTolerant = now - freshSince < FRESH_INTERVAL_MS
    const mismatch = live.hear(frame, isTolerant, clock.now())
    if (frame.type === "hello") expired = undefined
    if (frame.type === "sync") liveSince ||= now
    if (frame.type === "reset") live.tell({ report: frame })
    if (!mismatch) return
    live.tell({ report: { type: "mismatch", mismatch, isTolerated: isTolerant } })
    if (isTolerant) return
    freshSince = now
    throw new ReplicaError("ERR_CONFLICT", "resync")
  }

  const headers = async () => {
    token ??= await renew?.(expired, signal)
    const { resume } = live
    return {
      accept: "text/event-stream",
      ...(resume && { "last-event-id": resume }),
      ...(token && { authorization: `Bearer ${token}` }),
    }
  }

  await undefined // The replica must be in its owner's hands before anything happens to it.
  const detach = await store?.attach(live, urls[0]!, signal)
  while (!signal.aborted) {
    live.on("begin")
    live.begin()
    liveSince = Number.NaN
    const request = { url: urls[0]!, headers, fetch, clock }
    const { error, retryMs } = await followStream(request, onFrame, signal)
    const { code, recovery } = error as Partial<SyncError>
    const isUnauthenticated = renew && code === "ERR_UNAUTHENTICATED"
    if (recovery === "stop" && (expired !== undefined || !isUnauthenticated)) {
      refusal = error
      break
    }
    if (recovery === "resync") live.forget()
    if (isUnauthenticated) {
      expired = token ?? ""
      token = undefined
      // The first one not tried yet; when all were, the first again.
    } else urls.push(urls.shift()!)
    if (clock.elapsed() - liveSince >= BACKOFF_RESET_MS) failures = 0
    const delayMs = backoffMs(failures++, random, retryMs)
    live.on("lost", error, { type: "lost", error, delayMs })
    // Whoever heard of the loss may have closed the replica.
    await wait((wake) => clock.after(delayMs, wake), signal)
  }
  // Who asks again when it hears of this asks the hub again.
  live.closing.abort()
  live.on("close", refusal)
  await detach?.()
}

/** The address of a stream. @throws {TypeError} `url` is none. */
export function streamUrl(
  url: string | URL,
  { topic, prefix = [], keys = [] }: ConnectOptions,
): URL {
  // Only a page has an address of its own.
  const target = new URL(url, globalThis.location?.href)
  target.pathname = target.pathname.replace(/\/$/, "") + streamPath(topic)
  for (const text of [prefix].flat().sort()) target.searchParams.append("prefix", text)
  for (const key of [keys].flat().sort()) target.searchParams.append("key", key)
  return target
}
