import {
  connect,
  type EntryChange,
  type Proof,
  type Replica,
  type ReplicaCommit,
  type ReplicaEntry,
  type ReplicaStatus,
} from "@headwater/client"
import { signal } from "@preact/signals"
import { pollNow } from "../hub/hub-state.ts"
import { hubUrl } from "../hub/request.ts"
import { sharedFetch } from "../hub/shared-fetch.ts"
import type { TopicState } from "../hub/topic-state.ts"
import type { TopicValues } from "../value/preview.ts"
import { ChangeLog } from "./change-log.ts"
import { KeyIndex } from "./key-index.ts"
import type { TopicView } from "./topic-view.ts"

/** Changes that the page keeps. */
const CHANGES_MAX = 2_000

/** The time for which a changed row is marked, in ms. */
const FRESH_MS = 1_000

/** Digests of the last steps, with which those that the page asks the hub for are compared. */
const DIGESTS_MAX = 512

/** Equal digests of the hub, as the page asked for them, and of the replica at that revision. */
export interface Confirmation {
  readonly count: number
  /** Milliseconds since 1970 of the last one. */
  readonly at: number
  readonly revision: number
}

/** The topic, or the part of it, to follow. */
export interface FollowedTopicOptions {
  readonly topic: string
  readonly values: TopicValues
  /** Empty without one. */
  readonly token: string
  /** Follow only these keys. */
  readonly keys?: readonly string[]
}

/**
 * A topic that the page follows: a replica, its sorted keys, and the changes since it is open.
 *
 * Commits are taken as they come; `version` grows once a frame, however many there were.
 */
export class FollowedTopic implements TopicView {
  readonly topic: string
  readonly values: TopicValues
  readonly replica: Replica
  readonly index = new KeyIndex()
  readonly changes = new ChangeLog(CHANGES_MAX)
  readonly version = signal(0)
  readonly status = signal<ReplicaStatus | undefined>(undefined)
  readonly proof = signal<Proof | undefined>(undefined)
  /** Proofs by polls: a busy stream may bring no `sync` for a while. */
  readonly confirmation = signal<Confirmation | undefined>(undefined)
  /** The reason for the last mismatch of digests, in words. */
  readonly mismatch = signal<string | undefined>(undefined)
  readonly #freshUntil = new Map<string, number>()
  readonly #digests = new Map<number, string>()
  #isLoaded = false
  #frame: number | undefined

  constructor({ topic, values, token, keys }: FollowedTopicOptions) {
    this.topic = topic
    this.values = values
    this.replica = connect({
      url: hubUrl,
      topic,
      fetch: sharedFetch,
      ...(token && { token }),
      ...(keys && { keys }),
      report: (report) => {
        if (report.type === "lost") pollNow() // The hub may be gone: find out at once.
        if (report.type !== "mismatch") return
        const { replica, hub, position, keyLacking } = report.mismatch
        const found =
          keyLacking === undefined
            ? `${replica} here, ${hub} at the hub`
            : `the key ${JSON.stringify(keyLacking)} is missing here`
        this.mismatch.value = `at revision ${position.revision}: ${found}`
      },
    })
    this.replica.ready.catch(() => {}) // Its status shows the refusal.
    this.replica.subscribe((snapshot, commit) => {
      if (commit !== undefined) this.#take(commit)
      else if (snapshot.position !== undefined) {
        this.#load(Array.from(snapshot.entries(), ({ key }) => key))
      }
    })
    this.replica.subscribeStatus(() => this.#takeStatus())
    this.#takeStatus()
  }

  get isLoaded(): boolean {
    return this.#isLoaded
  }

  entry(key: string): ReplicaEntry | undefined {
    return this.replica.getEntry(key)
  }

  isFresh(key: string): boolean {
    return (this.#freshUntil.get(key) ?? 0) > performance.now()
  }

  /** Compares the hub's digest at a revision with the replica's, where it is still known. */
  confirm({ epoch, revision, digest }: Pick<TopicState, "epoch" | "revision" | "digest">): void {
    const { position } = this.replica
    if (revision === null || !digest || position?.epoch !== epoch) return
    const own = position?.revision === revision ? this.replica.digest : this.#digests.get(revision)
    if (own !== digest) return // A step that is not here yet, or not any more; `sync` tells more.
    const count = (this.confirmation.peek()?.count ?? 0) + 1
    this.confirmation.value = { count, at: Date.now(), revision }
  }

  close(): void {
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame)
    this.replica.close().catch(console.error)
  }

  // The first commit brings the state that was there before, which is no change.
  #take(commit: ReplicaCommit): void {
    const { changes } = commit
    if (!this.#isLoaded) {
      this.#load(changes.flatMap((change) => (isGone(change) ? [] : [change.entry.key])))
      return
    }
    this.index.apply({
      added: changes.flatMap((change) => (change.type === "new" ? [change.entry.key] : [])),
      removed: changes.flatMap((change) => (isGone(change) ? [change.previous.key] : [])),
    })
    this.changes.add(commit, Date.now())
    this.#noteDigest(commit.position.revision)
    this.#markFresh(changes)
    this.#draw()
  }

  #load(keys: readonly string[]): void {
    this.#isLoaded = true
    this.index.reset(keys)
    this.#draw()
  }

  #takeStatus(): void {
    this.status.value = this.replica.status
    this.proof.value = this.replica.proven
    this.#draw()
  }

  #noteDigest(revision: number): void {
    this.#digests.set(revision, this.replica.digest)
    for (const oldest of this.#digests.keys()) {
      if (this.#digests.size <= DIGESTS_MAX) break
      this.#digests.delete(oldest)
    }
  }

  #markFresh(changes: readonly EntryChange[]): void {
    const now = performance.now()
    if (this.#freshUntil.size > CHANGES_MAX) this.#freshUntil.clear()
    for (const change of changes.slice(-CHANGES_MAX)) {
      if (!isGone(change)) this.#freshUntil.set(change.entry.key, now + FRESH_MS)
    }
  }

  #draw(): void {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined
      this.version.value += 1
    })
  }
}

function isGone(change: EntryChange): change is Extract<EntryChange, { type: "deleted" }> {
  return change.type === "deleted"
}
