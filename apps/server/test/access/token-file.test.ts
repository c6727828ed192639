import { describe, expect, test } from "vitest"
import { parseTokenFile, TokenFileError } from "../../src/access/token-file.ts"

const DIGEST = "a".repeat(64)

const fileOf = (...identities: object[]) => JSON.stringify({ identities }, undefined, 2)

const failureOf = (text: string): string => {
  try {
    parseTokenFile(text)
  } catch (error) {
    if (error instanceof TokenFileError) return error.message
    throw error
  }
  return "accepted"
}

describe("parseTokenFile()", () => {
  test("reads identities, the anonymous grant and revocations", () => {
    const table = parseTokenFile(
      JSON.stringify({
        identities: [
          {
            name: "billing",
            sha256: [DIGEST, "b".repeat(64)],
            topics: {
              prices: { read: true, write: ["eu/"] },
              "flags-*": { read: { keys: ["a"] } },
            },
            admin: true,
            expires: "2027-01-31T12:00:00Z",
          },
        ],
        anonymous: { topics: { status: { read: true } } },
        revoked: [
          { name: "old" },
          { jti: "1" },
          { iss: "i", sub: "s", before: "2027-01-01T00:00:00Z" },
        ],
      }),
    )

    const identity = {
      name: "billing",
      topics: { prices: { read: true, write: ["eu/"] }, "flags-*": { read: { keys: ["a"] } } },
      admin: true,
      expiresAt: Date.parse("2027-01-31T12:00:00Z"),
    }
    expect(table).toEqual({
      byDigest: new Map([
        [DIGEST, identity],
        ["b".repeat(64), identity],
      ]),
      anonymous: { status: { read: true } },
      revoked: [
        { name: "old" },
        { jti: "1" },
        { iss: "i", sub: "s", before: "2027-01-01T00:00:00Z" },
      ],
    })
  })

  test.each([
    ["", "line 1: not JSON (it is empty)"],
    ['{ "identities": [\n', "line 2: not JSON (CloseBracketExpected)"],
    ["[]", "line 1: the file must be an object"],
    ['{ "identities": [], "__proto__": {} }', "line 1: __proto__ is not a known field"],
    ["{}", "line 1: identities is missing"],
    ['{ "identities": [],\n "users": [] }', "line 2: users is not a known field"],
    ['{ "identities": [],\n "identities": [] }', 'line 2: the field "identities" is given twice'],
    [
      fileOf({ name: "a", sha256: [DIGEST], topics: {}, admin: "false" }),
      "line 9: identities[0].admin must be true or false",
    ],
    [
      fileOf({ name: "a", sha256: ["secret"], topics: {} }),
      "line 6: identities[0].sha256[0] must be 64 lower-case hex digits: see headwater token hash",
    ],
    [
      fileOf({ name: "a", sha256: [DIGEST], topics: { "a/b": {} } }),
      "line 9: identities[0].topics.a/b must be the name of a topic, or a prefix of names and *",
    ],
    [
      fileOf({ name: "a", sha256: [DIGEST], topics: { t: { raed: true } } }),
      "line 10: identities[0].topics.t.raed is not a known field",
    ],
    [
      fileOf({ name: "a", sha256: [DIGEST], topics: { t: { read: ["a\ud83d"] } } }),
      "line 11: identities[0].topics.t.read[0] must be UTF-8: it ends inside a character",
    ],
    [
      fileOf({ name: "a", sha256: [DIGEST], topics: { t: { read: { keys: [""] } } } }),
      "line 12: identities[0].topics.t.read.keys[0] must not be empty",
    ],
    [
      fileOf({ name: "a", sha256: [DIGEST], topics: {}, expires: "tomorrow" }),
      "line 9: identities[0].expires must be an RFC 3339 time, such as 2027-01-31T12:00:00Z",
    ],
    [
      fileOf(
        { name: "a", sha256: [DIGEST], topics: {} },
        { name: "b", sha256: [DIGEST], topics: {} },
      ),
      'line 13: a digest of "b" is used twice',
    ],
    [
      fileOf(
        { name: "a", sha256: [DIGEST], topics: {} },
        { name: "a", sha256: ["b".repeat(64)], topics: {} },
      ),
      'line 11: the name "a" is used twice',
    ],
  ])("refuses %j", (text, message) => {
    expect(failureOf(text)).toBe(message)
  })

  test("refuses a set with more terms than a view may have", () => {
    const topics = { t: { read: Array(257).fill("a") } }

    expect(failureOf(fileOf({ name: "a", sha256: [DIGEST], topics }))).toBe(
      "line 10: identities[0].topics.t.read must have at most 256 items",
    )
  })

  test("never repeats a digest in a message", () => {
    const text = fileOf({ name: "a", sha256: [`${DIGEST}0`], topics: {} })

    expect(failureOf(text)).not.toMatch(/a{60}/)
  })
})
