import type { Clock } from "@headwater/core"
import { canonicalGrants, hasAccess, type TopicAccess, type TopicGrants, unionOn } from "./grant.ts"

/** The reason for which the grant of open requests ended. */
export type SessionEnd = "expired" | "changed" | "revoked"

/** The content of a session. */
export interface SessionGrant {
  /** For logs and limits: `anonymous`, `file:NAME`, `jwt:ISS#SUB`, or an embedder's. */
  readonly identity: string
  /** Names the credential, without being one: a digest. One identity may have several. */
  readonly credential: string
  /** Grants that add up; the anonymous one is among them. */
  readonly maps: readonly TopicGrants[]
  readonly admin: boolean
  /** True where no credential is looked at: a peer on the hub's machine is its operator then. */
  readonly isUnguarded?: boolean
  /** In ms since 1970; `undefined` for never. */
  readonly expiresAt?: number | undefined
  /** An embedder's: aborted when the grant is withdrawn. */
  readonly withdrawn?: AbortSignal | undefined
}

/** The parts of a hub that sessions use. */
export interface SessionContext {
  readonly clock: Clock
  /** Gets errors of holders, which are bugs. */
  readonly report: (error: unknown) => void
}

/** An open request that must end with its grant. */
export interface SessionHolder {
  /** Ends it with a last word, such as `goodbye auth-changed`. */
  end(why: SessionEnd): void
  /** Ends it without a word, `CUT_MS` later, unless it was released before. */
  cut?(): void
}

/** Time for a stream to take its goodbye, in ms; then its connection is cut. */
export const CUT_MS = 500

/** The `credential` of requests without one. */
export const ANONYMOUS = "anonymous"

/** Returns the identity that bounds count for; `undefined` for clients without a credential. */
export function countedIdentity({ identity }: { readonly identity: string }): string | undefined {
  return identity === ANONYMOUS ? undefined : identity
}

/** Holders that are ended in one turn of the event loop. */
const ENDS_MAX = 64

/** Topics whose access a session remembers: names in paths are the client's choice. */
const TOPICS_REMEMBERED_MAX = 1_000

/**
 * The grant of one credential at this hub, and the open requests under it, which end with it.
 *
 * All requests of one credential share it. Whatever lives longer than a request's head (a stream, a
 * list, a blocking GET, an upload) holds it, and hears its end. A session that no request
 * holds costs no timer and no listener.
 */
export class Session {
  readonly identity: string
  readonly admin: boolean
  /** True for requests without a credential. */
  readonly isAnonymous: boolean
  /** See `SessionGrant`. */
  readonly isUnguarded: boolean
  readonly #context: SessionContext
  readonly #grant: SessionGrant
  #expiresAt: number | undefined
  readonly #access = new Map<string, TopicAccess>()
  readonly #holders = new Set<SessionHolder>()
  #end: SessionEnd | undefined
  #ended: AbortController | undefined
  #owner: string | undefined
  /** Set while it watches for its end. */
  #disarm: (() => void) | undefined

  constructor(grant: SessionGrant, context: SessionContext) {
    this.identity = grant.identity
    this.admin = grant.admin
    this.isUnguarded = grant.isUnguarded === true
    this.isAnonymous = grant.credential === ANONYMOUS
    this.#grant = grant
    this.#expiresAt = grant.expiresAt
    this.#context = context
  }

  /** The time at which the grant ends by itself, in ms since 1970; `undefined` for never. */
  get expiresAt(): number | undefined {
    return this.#expiresAt
  }

  /** Aborted, with a `SessionEndedError`, when the grant expires, changes or is withdrawn. */
  get ended(): AbortSignal {
    this.#ended ??= new AbortController()
    if (this.#end !== undefined) this.#ended.abort(new SessionEndedError(this.#end))
    return this.#ended.signal
  }

  /** Requests that are open under it. */
  get holders(): number {
    return this.#holders.size
  }

  /**
   * Names the credential together with its grant. What a request leaves behind for the next one,
   * such as the continuation of a list, belongs to this owner.
   */
  get owner(): string {
    this.#owner ??= `${this.#grant.credential} ${canonicalGrants(this.#grant.maps)}`
    return this.#owner
  }

  /** The keys of a topic that may be read and written; `undefined` where none may. */
  on(topic: string): TopicAccess | undefined {
    let access = this.#access.get(topic)
    if (access === undefined) {
      access = unionOn(this.#grant.maps, topic)
      if (this.#access.size >= TOPICS_REMEMBERED_MAX) this.#access.clear()
      this.#access.set(topic, access)
    }
    return hasAccess(access) ? access : undefined
  }

  /**
   * Ends `holder` when the grant ends; at once if it has. The returned function releases it, and
   * may be called twice.
   */
  hold(holder: SessionHolder): () => void {
    this.#holders.add(holder)
    this.#disarm ??= this.#arm()
    if (this.#end !== undefined) holder.end(this.#end)
    return () => {
      if (!this.#holders.delete(holder) || this.#holders.size > 0) return
      this.#disarm?.()
      this.#disarm = undefined
    }
  }

  /** Returns true if the grant has ended, though it may be that no holder was told yet. */
  hasEnded(now: number): boolean {
    if (this.#end !== undefined || this.#grant.withdrawn?.aborted) return true
    return this.#expiresAt !== undefined && this.#expiresAt <= now
  }

  /** Takes another time of expiry, for the same grant. */
  expireAt(expiresAt: number | undefined): void {
    this.#expiresAt = expiresAt
    if (this.#disarm === undefined) return
    this.#disarm()
    this.#disarm = this.#arm()
  }

  /** Notes the end, so that no further request is accepted. Holders are told by `endSessions`. */
  close(why: SessionEnd): readonly SessionHolder[] {
    this.#disarm?.()
    this.#disarm = undefined
    if (this.#end !== undefined) return []
    this.#end = why
    this.#ended?.abort(new SessionEndedError(why))
    return [...this.#holders]
  }

  /** Returns true while a holder has not been released. */
  isHeldBy(holder: SessionHolder): boolean {
    return this.#holders.has(holder)
  }

  #arm(): (() => void) | undefined {
    const { withdrawn } = this.#grant
    const expiresAt = this.#expiresAt
    if (this.#end !== undefined || (expiresAt === undefined && withdrawn === undefined)) {
      return undefined
    }
    const leftMs = (expiresAt ?? Number.POSITIVE_INFINITY) - this.#context.clock.now()
    const end = (why: SessionEnd) => {
      endSessions([this], why, this.#context).catch(this.#context.report)
    }
    const cancel = this.#context.clock.after(Math.max(0, leftMs), () => end("expired"))
    const onWithdrawn = () => end("revoked")
    withdrawn?.addEventListener("abort", onWithdrawn)
    if (withdrawn?.aborted) queueMicrotask(onWithdrawn)
    return () => {
      cancel()
      withdrawn?.removeEventListener("abort", onWithdrawn)
    }
  }
}

/**
 * Ends sessions: no request is accepted under them from now on, and those that are open end, some
 * in each turn of the event loop, since an edit of one role may end ten thousand streams. Those
 * that have not ended after `CUT_MS` are cut.
 */
export async function endSessions(
  sessions: Iterable<Session>,
  why: SessionEnd,
  { clock, report }: SessionContext,
): Promise<void> {
  const held: (readonly [Session, SessionHolder])[] = []
  for (const session of sessions) {
    for (const holder of session.close(why)) held.push([session, holder])
  }
  if (held.length === 0) return
  const late = new Promise<void>((resolve) => clock.after(CUT_MS, resolve))
  const forEachHolder = async (act: (holder: SessionHolder) => void) => {
    let acts = 0
    for (const [session, holder] of held) {
      if (!session.isHeldBy(holder)) continue
      try {
        act(holder)
      } catch (error) {
        report(error)
      }
      if (++acts % ENDS_MAX === 0) await clock.yield()
    }
  }
  await forEachHolder((holder) => holder.end(why))
  await late
  await forEachHolder((holder) => holder.cut?.())
}

/** The grant of an open request ended. Never leaves the hub. */
export class SessionEndedError extends Error {
  override readonly name = "SessionEndedError"
  readonly why: SessionEnd

  constructor(why: SessionEnd) {
    super(`the grant ${why === "expired" ? "has expired" : `was ${why}`}`)
    this.why = why
  }
}
