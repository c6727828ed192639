import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose"
import { safeParse } from "valibot"
import type { TopicGrants } from "./grant.ts"
import { claimGrant, detailGrant } from "./grant-schema.ts"

/** Clocks of issuer and hub may differ by this, in seconds. */
const TOLERANCE_S = 30

/** Algorithms of public keys. A key of one kind never verifies a token of another. */
const PUBLIC_ALGORITHMS = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
]

const SECRET_ALGORITHMS = ["HS256", "HS384", "HS512"]

/** The shortest shared secret, in bytes: as long as the digest of HS256. */
export const SECRET_BYTES_MIN = 32

/** The rules by which tokens are verified. */
export interface JwtOptions {
  /** A shared secret, or the keys of an issuer. */
  readonly key: Uint8Array | JWTVerifyGetKey
  /** Required: else every token of that issuer, for whatever service, would open the hub. */
  readonly issuer: string
  readonly audience: string
  /** `at+jwt` takes access tokens of RFC 9068 alone; `any` takes ID tokens, too. */
  readonly type: "at+jwt" | "any"
}

/** A token that was verified, and what it grants. */
export interface VerifiedJwt {
  readonly issuer: string
  readonly subject: string
  readonly jti: string | undefined
  /** In ms since 1970. */
  readonly issuedAt: number | undefined
  readonly expiresAt: number
  readonly maps: readonly TopicGrants[]
  readonly admin: boolean
}

/** A token is not accepted. The message is safe to send to its bearer. */
export class JwtError extends Error {
  override readonly name = "JwtError"
}

/**
 * Verifies a token's signature, issuer, audience, type and times, and reads its grant: the claim
 * `headwater`, or `authorization_details` of the type `headwater`, which add up.
 *
 * @param now in ms since 1970.
 * @throws {JwtError} the token is not accepted.
 * @throws what `options.key` throws when the keys cannot be had.
 */
export async function verifyJwt(
  token: string,
  options: JwtOptions,
  now: number,
): Promise<VerifiedJwt> {
  const { key, issuer, audience, type } = options
  const rules = {
    issuer,
    audience,
    algorithms: key instanceof Uint8Array ? SECRET_ALGORITHMS : PUBLIC_ALGORITHMS,
    clockTolerance: TOLERANCE_S,
    currentDate: new Date(now),
    requiredClaims: ["exp", "sub"],
    ...(type === "at+jwt" && { typ: "at+jwt" }),
  }
  try {
    const verified =
      key instanceof Uint8Array
        ? await jwtVerify(token, key, rules)
        : await jwtVerify(token, key, rules)
    return read(verified.payload)
  } catch (error) {
    if (error instanceof errors.JOSEError) throw new JwtError(reasonOf(error), { cause: error })
    throw error
  }
}

function read(payload: JWTPayload): VerifiedJwt {
  const { headwater, authorization_details: details } = payload as {
    headwater?: unknown
    authorization_details?: unknown
  }
  const own = detailsOf(details)
  if (headwater !== undefined && own.length > 0) {
    throw new JwtError("the token has both the claim headwater and authorization_details")
  }
  const grants = headwater === undefined ? own.map(readDetail) : [readClaim(headwater)]
  return {
    issuer: payload.iss!,
    subject: payload.sub!,
    jti: payload.jti,
    issuedAt: payload.iat === undefined ? undefined : payload.iat * 1_000,
    expiresAt: payload.exp! * 1_000 + TOLERANCE_S * 1_000,
    maps: grants.map(({ topics }) => topics),
    admin: grants.some(({ admin }) => admin === true),
  }
}

function detailsOf(details: unknown): unknown[] {
  if (details === undefined) return []
  if (!Array.isArray(details)) throw new JwtError("authorization_details is not a list")
  return details.filter((detail) => (detail as { type?: unknown } | null)?.type === "headwater")
}

function readClaim(claim: unknown) {
  const result = safeParse(claimGrant, claim)
  if (result.success) return result.output
  throw new JwtError(`the claim headwater is no grant: ${result.issues[0].message}`)
}

function readDetail(detail: unknown) {
  const result = safeParse(detailGrant, detail)
  if (result.success) return result.output
  throw new JwtError(`authorization_details is no grant: ${result.issues[0].message}`)
}

function reasonOf(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return "the token has expired"
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === "typ") return "the token is not of the type at+jwt"
    return `the token's claim ${error.claim} is not accepted`
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return "the token's algorithm is not accepted"
  return "the token is not valid"
}
