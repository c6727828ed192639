import type { Clock } from "@headwater/core"
import { safeParse } from "valibot"
import { NotReadyError, UnauthenticatedError } from "../errors.ts"
import { canonicalGrants, type Grant, type TopicGrants } from "./grant.ts"
import { topicGrants } from "./grant-schema.ts"
import { JwtError, type JwtOptions, type VerifiedJwt, verifyJwt } from "./jwt.ts"
import {
  ANONYMOUS,
  endSessions,
  Session,
  type SessionContext,
  type SessionEnd,
  type SessionGrant,
} from "./session.ts"
import { digestOf, TOKEN_BYTES_MAX } from "./token.ts"
import type { FileIdentity, Revocation, TokenTable } from "./token-file.ts"

/** Time for an `authorize` callback to answer, in ms; then the hub cannot decide: 503. */
const AUTHORIZE_MS = 5_000

/** Sessions that are remembered. Those without open requests are forgotten first. */
const SESSIONS_MAX = 10_000

/** Sessions that a new token file is compared with in one turn of the event loop. */
const COMPARED_MAX = 256

/** Decides about a request; `undefined` refuses it with a 401. */
export type Authorize = (request: Request) => Promise<Grant | undefined>

/** The origins of grants. */
export interface AccessOptions {
  readonly clock: Clock
  /** Gets errors that are bugs. */
  readonly report: (error: unknown) => void
  /** The identities of a token file; see `Access.reload`. */
  readonly tokens?: TokenTable | undefined
  readonly jwt?: JwtOptions | undefined
  /**
   * Granted to requests without a credential, and added to every credential's grant; in place of
   * the grant that the token file has for them.
   */
  readonly anonymous?: TopicGrants | undefined
  /** An embedder's own decision, in place of `tokens` and `jwt`. */
  readonly authorize?: Authorize | undefined
}

interface KnownCredential {
  readonly session: Session
  /** Of the effective grant: a reload ends only sessions whose grant changed. */
  readonly canonical: string
  readonly digest: string
  readonly jwt: VerifiedJwt | undefined
}

/**
 * Finds the identity behind a request, and the keys that it may read and write.
 *
 * A credential is verified once and remembered by its digest. A new token file, an expiry or a
 * revocation ends the sessions that it changes, and with them their streams.
 */
export class Access {
  /** True if credentials are looked at: there is a token file, an issuer, or `authorize`. */
  readonly isConfigured: boolean
  /** True if it looks at tokens of requests itself. */
  readonly takesTokens: boolean
  readonly #clock: Clock
  readonly #context: SessionContext
  readonly #jwt: JwtOptions | undefined
  readonly #authorize: Authorize | undefined
  readonly #chosenAnonymous: TopicGrants | undefined
  readonly #known = new Map<string, KnownCredential>()
  readonly #deciding = new Map<string, Promise<KnownCredential>>()
  #tokens: TokenTable | undefined
  #anonymousGrants: TopicGrants
  #anonymous: Session

  constructor(options: AccessOptions) {
    const { clock, report, tokens, jwt, anonymous, authorize } = options
    this.isConfigured = tokens !== undefined || jwt !== undefined || authorize !== undefined
    this.takesTokens = tokens !== undefined || jwt !== undefined
    this.#clock = clock
    this.#context = { clock, report }
    this.#jwt = jwt
    this.#authorize = authorize
    this.#tokens = tokens
    this.#chosenAnonymous = anonymous
    this.#anonymousGrants = anonymous ?? tokens?.anonymous ?? {}
    this.#anonymous = this.#anonymousSession()
  }

  /** Sessions in memory, apart from the anonymous one. */
  get size(): number {
    return this.#known.size
  }

  /** The session of requests without a credential. */
  get anonymous(): Session {
    return this.#anonymous
  }

  /**
   * Returns the session of a request; at once where that is known.
   *
   * @param credential the token of `Authorization` or a cookie; `undefined` for none.
   * @throws {UnauthenticatedError} the credential is not accepted: it never falls back to the
   *   anonymous grant.
   * @throws {NotReadyError} the hub cannot decide now.
   */
  authenticate(request: Request, credential: string | undefined): Session | Promise<Session> {
    if (this.#authorize !== undefined) return this.#ask(this.#authorize, request)
    if (credential === undefined || !this.isConfigured) return this.#anonymous
    if (credential.length > TOKEN_BYTES_MAX) {
      throw new UnauthenticatedError(`the token is longer than ${TOKEN_BYTES_MAX} bytes`)
    }
    const digest = digestOf(credential)
    const known = this.#known.get(digest)
    if (known !== undefined) return this.#sessionOf(known)
    return this.#decide(digest, credential).then((decided) => this.#sessionOf(decided))
  }

  /**
   * Takes a new token file. Ends exactly the sessions whose effective grant is another one now;
   * resolves when all of them have ended.
   */
  async reload(tokens: TokenTable): Promise<void> {
    this.#tokens = tokens
    const ending: Promise<void>[] = []
    const anonymous = this.#chosenAnonymous ?? tokens.anonymous ?? {}
    if (canonicalGrants([anonymous]) !== canonicalGrants([this.#anonymousGrants])) {
      const before = this.#anonymous
      this.#anonymousGrants = anonymous
      this.#anonymous = this.#anonymousSession()
      ending.push(this.#end([before], "changed"))
    }
    this.#anonymousGrants = anonymous
    let compared = 0
    let changed = { revoked: [] as Session[], changed: [] as Session[] }
    const endChanged = () => {
      for (const why of ["revoked", "changed"] as const) {
        if (changed[why].length > 0) ending.push(this.#end(changed[why], why))
      }
      changed = { revoked: [], changed: [] }
    }
    for (const known of [...this.#known.values()]) {
      if (++compared % COMPARED_MAX === 0) {
        endChanged()
        await this.#clock.yield()
      }
      const why = this.#compare(known)
      if (why === undefined) continue
      this.#forget(known)
      changed[why].push(known.session)
    }
    endChanged()
    await Promise.all(ending)
  }

  /** Ends all sessions and their timers. */
  close(): void {
    const sessions = [...this.#known.values()].map(({ session }) => session)
    this.#known.clear()
    this.#end([...sessions, this.#anonymous], "revoked").catch(this.#context.report)
  }

  #end(sessions: readonly Session[], why: SessionEnd): Promise<void> {
    return endSessions(sessions, why, this.#context)
  }

  /** Compares a credential with the present file. Another time of expiry alone ends nothing. */
  #compare({
    digest,
    jwt,
    canonical,
    session,
  }: KnownCredential): "revoked" | "changed" | undefined {
    const grant = this.#grantOf(digest, jwt)
    if (grant === undefined) return "revoked"
    if (canonicalOf(grant) !== canonical) return "changed"
    if (grant.expiresAt !== session.expiresAt) session.expireAt(grant.expiresAt)
    return undefined
  }

  #sessionOf(known: KnownCredential): Session {
    const { session, digest } = known
    if (session.hasEnded(this.#clock.now())) {
      this.#forget(known)
      this.#end([session], "expired").catch(this.#context.report)
      throw new UnauthenticatedError("the token has expired or was withdrawn")
    }
    // The newest use stands last, so that the oldest is forgotten first.
    this.#known.delete(digest)
    this.#known.set(digest, known)
    return session
  }

  #decide(digest: string, credential: string): Promise<KnownCredential> {
    let deciding = this.#deciding.get(digest)
    if (deciding === undefined) {
      deciding = this.#verify(digest, credential).finally(() => this.#deciding.delete(digest))
      this.#deciding.set(digest, deciding)
    }
    return deciding
  }

  async #verify(digest: string, credential: string): Promise<KnownCredential> {
    const isJwt = !this.#tokens?.byDigest.has(digest) && this.#jwt !== undefined
    const jwt = isJwt ? await this.#verifyJwt(this.#jwt, credential) : undefined
    const grant = this.#grantOf(digest, jwt)
    if (grant === undefined) throw new UnauthenticatedError("the token is not known")
    const session = new Session(grant, this.#context)
    const known = { session, canonical: canonicalOf(grant), digest, jwt }
    this.#known.set(digest, known)
    this.#forgetIdle()
    return known
  }

  async #verifyJwt(options: JwtOptions, credential: string): Promise<VerifiedJwt> {
    try {
      return await verifyJwt(credential, options, this.#clock.now())
    } catch (error) {
      if (error instanceof JwtError) throw new UnauthenticatedError(error.message)
      throw error
    }
  }

  /** The grant of a credential by the present file; `undefined` where it is not accepted. */
  #grantOf(credential: string, jwt: VerifiedJwt | undefined): SessionGrant | undefined {
    const revoked = this.#tokens?.revoked ?? []
    const maps = [this.#anonymousGrants]
    if (jwt !== undefined) {
      if (revoked.some((row) => isRevoked(row, jwt))) return undefined
      const { issuer, subject, admin, expiresAt } = jwt
      const identity = `jwt:${issuer}#${subject}`
      return { identity, credential, maps: [...maps, ...jwt.maps], admin, expiresAt }
    }
    const found = this.#tokens?.byDigest.get(credential)
    if (found === undefined || revoked.some((row) => isRevokedName(row, found))) return undefined
    const { name, topics, admin, expiresAt } = found
    return { identity: `file:${name}`, credential, maps: [...maps, topics], admin, expiresAt }
  }

  #forget(known: KnownCredential): void {
    if (this.#known.get(known.digest) === known) this.#known.delete(known.digest)
  }

  // A session with open requests stays: it must hear of its end. So the table is bounded by the
  // open streams of the hub, which have a bound of their own.
  #forgetIdle(): void {
    if (this.#known.size <= SESSIONS_MAX) return
    for (const known of this.#known.values()) {
      if (known.session.holders > 0) continue
      this.#known.delete(known.digest)
      if (this.#known.size <= SESSIONS_MAX) return
    }
  }

  async #ask(authorize: Authorize, request: Request): Promise<Session> {
    const grant = await this.#answerOf(authorize, request)
    if (grant === undefined) throw new UnauthenticatedError("this hub needs a credential", false)
    const { identity, topics, admin = false, expiresAt, signal: withdrawn } = checkedGrant(grant)
    const credential = `authorize ${JSON.stringify(identity)}`
    const maps = [this.#anonymousGrants, topics]
    const session = new Session(
      { identity, credential, maps, admin, expiresAt, withdrawn },
      this.#context,
    )
    if (!session.hasEnded(this.#clock.now())) return session
    throw new UnauthenticatedError("the grant has expired or was withdrawn")
  }

  async #answerOf(authorize: Authorize, request: Request): Promise<Grant | undefined> {
    let cancel = () => {}
    const late = new Promise<never>((_, reject) => {
      cancel = this.#clock.after(AUTHORIZE_MS, () =>
        reject(new NotReadyError(`authorize did not answer within ${AUTHORIZE_MS / 1_000} s`)),
      )
    })
    try {
      return await Promise.race([authorize(request), late])
    } catch (error) {
      if (error instanceof NotReadyError) throw error
      throw new NotReadyError("authorize failed", { cause: error })
    } finally {
      cancel()
    }
  }

  #anonymousSession(): Session {
    const maps = [this.#anonymousGrants]
    const isUnguarded = !this.isConfigured
    const grant = { identity: ANONYMOUS, credential: ANONYMOUS, maps, admin: false, isUnguarded }
    return new Session(grant, this.#context)
  }
}

function canonicalOf({ maps, admin }: SessionGrant): string {
  return `${admin} ${canonicalGrants(maps)}`
}

// A callback in JavaScript may return anything; a wrong grant must not grant by accident.
function checkedGrant(grant: Grant): Grant {
  const { identity, topics, admin, expiresAt } = grant
  const parsed = safeParse(topicGrants, topics)
  const isNumber = expiresAt === undefined || Number.isFinite(expiresAt)
  const isFlag = admin === undefined || typeof admin === "boolean"
  if (typeof identity === "string" && isNumber && isFlag && parsed.success) {
    return { ...grant, topics: parsed.output }
  }
  const fault = parsed.success ? "identity, admin or expiresAt" : parsed.issues[0].message
  throw new NotReadyError(`authorize returned no valid grant: ${fault}`)
}

function isRevoked(row: Revocation, jwt: VerifiedJwt): boolean {
  if ("jti" in row) return row.jti === jwt.jti
  if (!("iss" in row) || row.iss !== jwt.issuer || row.sub !== jwt.subject) return false
  // A token that does not say when it was issued may have been issued before.
  return row.before === undefined || (jwt.issuedAt ?? 0) < Date.parse(row.before)
}

function isRevokedName(row: Revocation, { name }: FileIdentity): boolean {
  return "name" in row && row.name === name
}
