import type { SyncError } from "@headwater/core"
import { type Frame, streamPath } from "@headwater/protocol"
import type { Mismatch } from "./assembly.ts"
import { BACKOFF_RESET_MS, backoffMs } from "./backoff.ts"
import { followStream } from "./connection.ts"
import type { ClientClock, ReplicaStore, TokenSource } from "./link.ts"
import { callAll, LiveReplica } from "./live-replica.ts"
import type { Replica } from "./replica.ts"
import { ReplicaError } from "./replica-error.ts"
import { onAbort, wait } from "./wait.ts"

/**
 * What a client tells beside the data, for logs and counters.
 *
 *   mismatch   the replica was not what the hub holds; see `FRESH_INTERVAL_MS` for the answer
 *   reset      the hub could not resume
 *   lost       the link was lost, and is tried again after `delayMs`
 */
export type Report =
  | {
      readonly type: "mismatch"
      readonly mismatch: Mismatch
      readonly answer: "fresh-snapshot" | "followed-on"
    }
  | { readonly type: "reset"; readonly reason: string; readonly epoch: string }
  | { readonly type: "lost"; readonly error: Error; readonly delayMs: number }

/** What to follow, and with what. */
export interface ConnectOptions {
  /**
   * Where the hub is: `http://127.0.0.1:8080`. In a page, a path is enough. Of several, hubs of one
   * source, each loss of the link leads to the next, and from the last to the first.
   */
  readonly url: string | URL | readonly (string | URL)[]
  readonly topic: string
  /** Follow only keys with one of these prefixes, or of `keys`. */
  readonly prefix?: string | readonly string[] | undefined
  /** Follow only these keys, and those with a prefix of `prefix`. */
  readonly keys?: readonly string[] | undefined
  readonly token?: string | TokenSource | undefined
  /** Closes the replica when aborted. */
  readonly signal?: AbortSignal | undefined
  /** Called for what an operator wants to know. */
  readonly report?: ((report: Report) => void) | undefined
  readonly fetch?: typeof globalThis.fetch | undefined
  readonly clock?: ClientClock | undefined
  /** Keeps what is held beyond this process: `stored` of `@headwater/client/store` makes one. */
  readonly store?: ReplicaStore | undefined
  /** As `Math.random`; draws the back-off. */
  readonly random?: (() => number) | undefined
}

/** A mismatch is answered by a fresh snapshot, but by no second one within this. */
export const FRESH_INTERVAL_MS = 600_000

/**
 * Follows a topic of a hub, and keeps a replica of it until that is closed.
 *
 * Returns at once; `await replica.ready` for the first whole state. The link is made again whenever
 * it is lost, from where it was. The replica closes by itself only when the hub refuses: no such
 * topic, no right to it, or a protocol that this client does not speak.
 *
 * @throws {TypeError} `url` is none.
 */
export function connect<Value = unknown>(options: ConnectOptions): Replica<Value> {
  const closing = new AbortController()
  const replica = new LiveReplica<Value>(closing)
  const urls = [options.url].flat().map((url) => streamUrl(url, options))
  replica.link = { ...options, urls }
  replica.running = run(replica as LiveReplica<unknown>, urls, options, closing)
  return replica
}

const machineClock: ClientClock = {
  now: Date.now,
  elapsed: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs)
    return () => clearTimeout(timer)
  },
}

// Runs until closed or refused. Never rejects.
async function run(
  replica: LiveReplica<unknown>,
  urls: URL[],
  options: ConnectOptions,
  closing: AbortController,
): Promise<void> {
  const { token: source, clock = machineClock, fetch = globalThis.fetch, random } = options
  const report = (report: Report) => callAll([options.report ?? (() => {})], report)
  let failures = 0
  const { signal } = closing
  const letGo = onAbort(options.signal, () => closing.abort())

  let token = typeof source === "string" ? source : undefined
  let expired: string | undefined
  // Whether a fresh token was asked for since the last `hello`.
  let isRenewed = false
  let liveSince: number | undefined
  let freshSince: number | undefined

  const onFrame = (frame: Frame) => {
    const now = clock.elapsed()
    const isTolerant = freshSince !== undefined && now - freshSince < FRESH_INTERVAL_MS
    const mismatch = replica.hear(frame, isTolerant, clock.now())
    if (frame.type === "hello") isRenewed = false
    if (frame.type === "sync") liveSince ??= now
    if (frame.type === "reset") report(frame)
    if (!mismatch) return
    report({ type: "mismatch", mismatch, answer: isTolerant ? "followed-on" : "fresh-snapshot" })
    if (isTolerant) return
    freshSince = now
    throw new ReplicaError("mismatch", "ERR_CONFLICT", "resync")
  }

  const headers = async () => {
    if (typeof source === "function") token ??= await source(expired, signal)
    return { ...(token && { authorization: `Bearer ${token}` }) }
  }

  await undefined // The replica must be in its owner's hands before anything happens to it.
  const detach = await options.store?.attach({ url: urls[0]!, replica }, signal)
  for (let event: "start" | "due" = "start"; !signal.aborted; event = "due") {
    replica.on(event)
    liveSince = undefined
    const request = { url: urls[0]!, id: replica.begin(), headers, fetch, clock }
    const { error, retryMs } = await followStream(request, onFrame, signal)
    if (signal.aborted) break
    const { code, recovery } = error as Partial<SyncError>
    const isUnauthenticated = code === "ERR_UNAUTHENTICATED" && typeof source === "function"
    if (recovery === "stop" && (isRenewed || !isUnauthenticated)) {
      replica.on("refused", error)
      break
    }
    if (recovery === "resync") replica.forget()
    if (isUnauthenticated) {
      expired = token
      token = undefined
      isRenewed = true
      // The first one not tried yet; when all were, the first again.
    } else urls.push(urls.shift()!)
    if (liveSince !== undefined && clock.elapsed() - liveSince >= BACKOFF_RESET_MS) failures = 0
    const delayMs = backoffMs(failures++, random ?? Math.random, retryMs)
    replica.on("lost", error)
    report({ type: "lost", error, delayMs })
    // Whoever heard of the loss may have closed the replica.
    await wait((wake) => clock.after(delayMs, wake), signal)
  }
  replica.on("close")
  letGo()
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
  for (const text of [prefix].flat()) target.searchParams.append("prefix", text)
  for (const key of keys) target.searchParams.append("key", key)
  return target
}
