import { ManualClock } from "@headwater/testing"
import { exportJWK, generateKeyPair, SignJWT } from "jose"
import { beforeAll, describe, expect, test } from "vitest"
import { Access, type AccessOptions } from "../../src/access/access.ts"
import { ALL, NOTHING } from "../../src/access/allowed.ts"
import type { TopicGrants } from "../../src/access/grant.ts"
import { KeySet } from "../../src/access/key-set.ts"
import { digestOf, newToken } from "../../src/access/token.ts"
import { parseTokenFile } from "../../src/access/token-file.ts"

const REQUEST = new Request("http://hub.test/v1/topics")
/** The time at which a manual clock begins, in seconds. */
const START_S = Date.UTC(2026, 0, 1) / 1_000
const ISSUER = "https://issuer.test"

const token = newToken()
let digest = ""
let issuerKey: CryptoKey
let jwk: object

beforeAll(async () => {
  digest = digestOf(token)
  const pair = await generateKeyPair("ES256")
  issuerKey = pair.privateKey
  jwk = { ...(await exportJWK(pair.publicKey)), kid: "k1", alg: "ES256" }
})

const fileOf = (topics: TopicGrants, more: object = {}) =>
  parseTokenFile(JSON.stringify({ identities: [{ name: "a", sha256: [digest], topics }], ...more }))

const failOnBug = (error: unknown) => {
  throw error
}

function accessOf(options: Omit<AccessOptions, "clock" | "report">, clock = new ManualClock()) {
  return { access: new Access({ clock, report: failOnBug, ...options }), clock }
}

const codeOf = async (task: () => unknown): Promise<string> => {
  try {
    await task()
    return "accepted"
  } catch (error) {
    const { code, message } = error as { code: string; message: string }
    return `${code}: ${message}`
  }
}

describe("Access (token file)", () => {
  test("a known token has its grant and the anonymous one", async () => {
    const tokens = fileOf(
      { prices: { read: ["eu/"] } },
      { anonymous: { topics: { prices: { read: ["world/"] } } } },
    )
    const { access } = accessOf({ tokens })

    const session = await access.authenticate(REQUEST, token)

    expect(session.identity).toBe("file:a")
    expect(session.on("prices")).toEqual({
      read: { type: "terms", prefixes: ["eu/", "world/"], keys: [] },
      write: NOTHING,
    })
    expect(session.on("flags")).toBeUndefined()
  })

  test("an unknown token is refused, though anonymous requests may read", async () => {
    const { access } = accessOf({ tokens: fileOf({}), anonymous: { "*": { read: true } } })

    expect((await access.authenticate(REQUEST, undefined)).on("x")?.read).toEqual(ALL)
    expect(await codeOf(async () => access.authenticate(REQUEST, newToken()))).toBe(
      "ERR_UNAUTHENTICATED: the token is not known",
    )
    expect(await codeOf(async () => access.authenticate(REQUEST, "x".repeat(8_193)))).toBe(
      "ERR_UNAUTHENTICATED: the token is longer than 8192 bytes",
    )
  })

  test("an exact name beats the longest pattern, which beats others, as a whole", async () => {
    const { access } = accessOf({
      tokens: fileOf({
        "*": { read: true, write: true },
        "orders*": { read: ["a"] },
        "orders-eu*": { write: ["b"] },
        orders: {},
      }),
    })

    const session = await access.authenticate(REQUEST, token)

    expect(session.on("orders")).toBeUndefined()
    expect(session.on("orders-us")).toEqual({
      read: { type: "terms", prefixes: ["a"], keys: [] },
      write: NOTHING,
    })
    expect(session.on("orders-eu-1")?.read).toEqual(NOTHING)
    expect(session.on("prices")).toEqual({ read: ALL, write: ALL })
  })

  test("reload() ends the sessions whose grant changed, and no others", async () => {
    const { access } = accessOf({ tokens: fileOf({ prices: { read: ["a", "ab"] } }) })
    const session = await access.authenticate(REQUEST, token)

    await access.reload(fileOf({ prices: { read: { prefixes: ["a"] } } }))
    expect(session.ended.aborted).toBe(false)
    expect(await access.authenticate(REQUEST, token)).toBe(session)

    await access.reload(fileOf({ prices: { read: ["b"] } }))
    expect(session.ended.reason).toMatchObject({ why: "changed" })
    expect((await access.authenticate(REQUEST, token)).on("prices")?.read).toEqual({
      type: "terms",
      prefixes: ["b"],
      keys: [],
    })
  })

  test("reload() ends the anonymous session when its grant changes", async () => {
    const { access } = accessOf({
      tokens: fileOf({}, { anonymous: { topics: { a: { read: true } } } }),
    })
    const session = await access.authenticate(REQUEST, undefined)

    await access.reload(fileOf({}))

    expect(session.ended.reason).toMatchObject({ why: "changed" })
    expect((await access.authenticate(REQUEST, undefined)).on("a")).toBeUndefined()
  })

  test("an anonymous grant that was chosen beside the file outlives a reload", async () => {
    const { access } = accessOf({ tokens: fileOf({}), anonymous: { "*": { read: true } } })
    const session = await access.authenticate(REQUEST, undefined)

    await access.reload(fileOf({ a: { read: true } }))

    expect(session.ended.aborted).toBe(false)
    expect((await access.authenticate(REQUEST, undefined)).on("x")?.read).toEqual(ALL)
  })

  test("another time of expiry ends no session, and counts", async () => {
    const clock = new ManualClock()
    const expires = (ms: number) => new Date(clock.now() + ms).toISOString()
    const file = (ms: number) =>
      parseTokenFile(
        JSON.stringify({
          identities: [{ name: "a", sha256: [digest], topics: {}, expires: expires(ms) }],
        }),
      )
    const { access } = accessOf({ tokens: file(10_000) }, clock)
    const session = await access.authenticate(REQUEST, token)
    const ends: string[] = []
    const release = session.hold({ end: (why) => ends.push(why) })

    await access.reload(file(20_000))
    await clock.advance(15_000)
    expect(ends).toEqual([])
    await access.reload(file(1_000))
    await clock.advance(1_000)

    expect(ends).toEqual(["expired"])
    release()
  })

  test("requests that do not end with their grant are cut half a second later", async () => {
    const { access, clock } = accessOf({ tokens: fileOf({ a: { read: true } }) })
    const session = await access.authenticate(REQUEST, token)
    const told: string[] = []
    const polite = session.hold({
      end: (why) => {
        told.push(`polite ${why}`)
        polite()
      },
      cut: () => told.push("polite cut"),
    })
    session.hold({ end: (why) => told.push(`stalled ${why}`), cut: () => told.push("stalled cut") })

    const reloaded = access.reload(fileOf({}))
    await clock.advance(499)
    expect(told).toEqual(["polite changed", "stalled changed"])
    await clock.advance(1)
    await reloaded

    expect(told.slice(2)).toEqual(["stalled cut"])
  })

  test("a revoked name is refused, and its open requests end", async () => {
    const { access } = accessOf({ tokens: fileOf({ a: { read: true } }) })
    const session = await access.authenticate(REQUEST, token)

    await access.reload(fileOf({ a: { read: true } }, { revoked: [{ name: "a" }] }))

    expect(session.ended.reason).toMatchObject({ why: "revoked" })
    expect(await codeOf(async () => access.authenticate(REQUEST, token))).toMatch(
      /^ERR_UNAUTHENTICATED/,
    )
  })

  test("an expired token ends its open requests when it expires, and is refused", async () => {
    const clock = new ManualClock()
    const expires = new Date(clock.now() + 60_000).toISOString()
    const identities = [{ name: "a", sha256: [digest], topics: { a: { read: true } }, expires }]
    const tokens = parseTokenFile(JSON.stringify({ identities }))
    const { access } = accessOf({ tokens }, clock)
    const session = await access.authenticate(REQUEST, token)
    const release = session.hold({ end: () => {} })

    await clock.advance(59_999)
    expect(session.ended.aborted).toBe(false)
    await clock.advance(1)

    expect(session.ended.reason).toMatchObject({ why: "expired" })
    expect(await codeOf(async () => access.authenticate(REQUEST, token))).toMatch(
      /^ERR_UNAUTHENTICATED/,
    )
    release()
  })

  test("a session without open requests holds no timer", async () => {
    const clock = new ManualClock()
    const expires = new Date(clock.now() + 60_000).toISOString()
    const identities = [{ name: "a", sha256: [digest], topics: {}, expires }]
    const { access } = accessOf({ tokens: parseTokenFile(JSON.stringify({ identities })) }, clock)
    const session = await access.authenticate(REQUEST, token)
    const before = clock.timers

    session.hold({ end: () => {} })()

    expect(clock.timers).toBe(before)
  })
})

describe("Access (JWT)", () => {
  const sign = (claims: object, header: object = {}) =>
    new SignJWT({ sub: "u1", iss: ISSUER, aud: "hub", ...claims })
      .setProtectedHeader({ alg: "ES256", kid: "k1", typ: "at+jwt", ...header })
      .setIssuedAt(START_S)
      .setExpirationTime(START_S + 3_600)
      .sign(issuerKey)

  function jwtAccess(type: "at+jwt" | "any" = "at+jwt", more: Partial<AccessOptions> = {}) {
    const clock = new ManualClock()
    const keys = new KeySet(
      async () => ({ keys: [jwk] }) as never,
      clock,
      () => {},
    )
    const jwt = { key: keys.getKey, issuer: ISSUER, audience: "hub", type }
    return accessOf({ jwt, ...more }, clock)
  }

  test("the claim headwater grants, until the token expires", async () => {
    const { access, clock } = jwtAccess()
    const text = await sign({ headwater: { topics: { a: { read: ["x/"] } }, admin: true } })

    const session = await access.authenticate(REQUEST, text)

    expect(session.identity).toBe(`jwt:${ISSUER}#u1`)
    expect(session.admin).toBe(true)
    expect(session.on("a")?.read).toEqual({ type: "terms", prefixes: ["x/"], keys: [] })
    await clock.advance(3_630_000)
    expect(await codeOf(async () => access.authenticate(REQUEST, text))).toMatch(
      /^ERR_UNAUTHENTICATED/,
    )
  })

  test("several details of the type headwater add up", async () => {
    const { access } = jwtAccess()
    const text = await sign({
      authorization_details: [
        { type: "headwater", topics: { a: { read: ["x/"] } } },
        { type: "other", anything: 1 },
        { type: "headwater", topics: { a: { read: ["y/"] } } },
      ],
    })

    const session = await access.authenticate(REQUEST, text)

    expect(session.on("a")?.read).toEqual({ type: "terms", prefixes: ["x/", "y/"], keys: [] })
    expect(session.admin).toBe(false)
  })

  test.each<[string, object, object, string]>([
    ["another audience", { aud: "other" }, {}, "the token's claim aud is not accepted"],
    ["another issuer", { iss: "https://x.test" }, {}, "the token's claim iss is not accepted"],
    ["another type", {}, { typ: "JWT" }, "the token is not of the type at+jwt"],
    [
      "both forms of a grant",
      { headwater: { topics: {} }, authorization_details: [{ type: "headwater", topics: {} }] },
      {},
      "the token has both the claim headwater and authorization_details",
    ],
    [
      "an unknown field in a detail",
      { authorization_details: [{ type: "headwater", topics: {}, more: 1 }] },
      {},
      "authorization_details is no grant: is not a known field",
    ],
    [
      "a grant that is a list",
      { headwater: [] },
      {},
      "the claim headwater is no grant: must be an object",
    ],
  ])("refuses %s", async (_, claims, header, message) => {
    const { access } = jwtAccess()

    const outcome = await codeOf(async () =>
      access.authenticate(REQUEST, await sign(claims, header)),
    )

    expect(outcome).toBe(`ERR_UNAUTHENTICATED: ${message}`)
  })

  test("takes a token of any type where it is told to", async () => {
    const { access } = jwtAccess("any")

    const session = await access.authenticate(REQUEST, await sign({}, { typ: "JWT" }))

    expect(session.on("a")).toBeUndefined()
  })

  test("refuses a token that a public key was made to verify as a secret", async () => {
    const { access } = jwtAccess()
    const secret = new TextEncoder().encode(JSON.stringify(jwk))
    const forged = await new SignJWT({ sub: "u", iss: ISSUER, aud: "hub" })
      .setProtectedHeader({ alg: "HS256", kid: "k1", typ: "at+jwt" })
      .setExpirationTime(START_S + 3_600)
      .sign(secret)

    expect(await codeOf(async () => access.authenticate(REQUEST, forged))).toBe(
      "ERR_UNAUTHENTICATED: the token's algorithm is not accepted",
    )
  })

  test("a revocation by subject and time refuses older tokens", async () => {
    const { access } = jwtAccess()
    const text = await sign({ headwater: { topics: { a: { read: true } } } })
    const session = await access.authenticate(REQUEST, text)

    await access.reload(
      fileOf({}, { revoked: [{ iss: ISSUER, sub: "u1", before: "2026-01-01T00:00:00Z" }] }),
    )
    expect(session.ended.aborted).toBe(false)
    await access.reload(
      fileOf({}, { revoked: [{ iss: ISSUER, sub: "u1", before: "2026-01-01T00:00:01Z" }] }),
    )

    expect(session.ended.reason).toMatchObject({ why: "revoked" })
    expect(await codeOf(async () => access.authenticate(REQUEST, text))).toMatch(
      /^ERR_UNAUTHENTICATED/,
    )
  })

  test("an issuer that was never reached is a 503; later its keys are kept", async () => {
    const clock = new ManualClock()
    let isAway = true
    let fetches = 0
    const keys = new KeySet(
      async () => {
        fetches++
        if (isAway) throw new Error("away")
        return { keys: [jwk] } as never
      },
      clock,
      () => {},
    )
    const jwt = { key: keys.getKey, issuer: ISSUER, audience: "hub", type: "any" } as const
    const { access } = accessOf({ jwt }, clock)

    expect(await codeOf(async () => access.authenticate(REQUEST, await sign({})))).toMatch(
      /^ERR_NOT_READY/,
    )
    isAway = false
    await clock.advance(30_000)
    expect(await codeOf(async () => access.authenticate(REQUEST, await sign({})))).toBe("accepted")
    isAway = true
    await clock.advance(3_000_000)
    expect(await codeOf(async () => access.authenticate(REQUEST, await sign({ jti: "2" })))).toBe(
      "accepted",
    )
    expect(
      await codeOf(async () => access.authenticate(REQUEST, await sign({}, { kid: "k2" }))),
    ).toMatch(/^ERR_UNAUTHENTICATED/)
    expect(fetches).toBe(3)
  })
})

describe("Access (authorize)", () => {
  test("the embedder's grant counts, and its signal ends what is open", async () => {
    const withdrawn = new AbortController()
    const { access } = accessOf({
      authorize: async () => ({
        identity: "ada",
        topics: { a: { read: true } },
        signal: withdrawn.signal,
      }),
    })

    const session = await access.authenticate(REQUEST, undefined)
    const release = session.hold({ end: () => {} })
    withdrawn.abort()

    expect(session.on("a")).toEqual({ read: ALL, write: NOTHING })
    expect(session.ended.reason).toMatchObject({ why: "revoked" })
    release()
  })

  test("undefined is a 401; a failure and no answer within 5 s are a 503", async () => {
    const none = accessOf({ authorize: async () => undefined }).access
    const failing = accessOf({ authorize: () => Promise.reject(new Error("db")) }).access
    const { access: silent, clock } = accessOf({ authorize: () => new Promise(() => {}) })

    expect(await codeOf(async () => none.authenticate(REQUEST, undefined))).toMatch(
      /^ERR_UNAUTHENTICATED/,
    )
    expect(await codeOf(async () => failing.authenticate(REQUEST, undefined))).toBe(
      "ERR_NOT_READY: authorize failed",
    )
    const waiting = codeOf(async () => silent.authenticate(REQUEST, undefined))
    await clock.advance(5_000)
    expect(await waiting).toBe("ERR_NOT_READY: authorize did not answer within 5 s")
  })
})
