import { readFileSync } from "node:fs"
import { REVISION_MAX } from "@headwater/core"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { DIGEST_SEED_HI, DIGEST_SEED_LO, Digest, h64, xxHash32 } from "../src/index.ts"

interface Vector {
  readonly key: string
  readonly revision: number
  readonly h64: string
}

const vectors: {
  readonly seeds: { readonly lo: string; readonly hi: string }
  readonly entries: readonly Vector[]
  readonly digests: readonly { readonly entries?: [string, number][]; readonly digest: string }[]
} = JSON.parse(readFileSync(new URL("fixtures/v1/digest.json", import.meta.url), "utf8"))

const key = fc.string({ unit: "grapheme", maxLength: 40 })
const revision = fc.integer({ min: 0, max: REVISION_MAX })

describe("h64()", () => {
  test("the seeds are those of the vectors", () => {
    const hex = [DIGEST_SEED_LO, DIGEST_SEED_HI].map((seed) => seed.toString(16))

    expect(hex).toEqual([vectors.seeds.lo, vectors.seeds.hi])
  })

  test.each(vectors.entries)("of $key at $revision is $h64", ({ key, revision, h64: expected }) => {
    expect(hexOf(h64(key, revision))).toBe(expected)
  })

  test("is two xxHash32 over UTF-8 key and little-endian revision", () => {
    fc.assert(
      fc.property(key, revision, (key, revision) => {
        const bytes = new TextEncoder().encode(key)
        const message = new DataView(new ArrayBuffer(bytes.length + 8))
        new Uint8Array(message.buffer).set(bytes)
        message.setBigUint64(bytes.length, BigInt(revision), true)

        expect(h64(key, revision)).toEqual({
          hi: xxHash32(message, DIGEST_SEED_HI),
          lo: xxHash32(message, DIGEST_SEED_LO),
        })
      }),
    )
  })
})

describe("Digest", () => {
  test.each(vectors.digests)("of a known set is $digest", ({ entries, digest: expected }) => {
    const thousand = Array.from(
      { length: 1_000 },
      (_, index) => [`key/${index}`, index + 1] as const,
    )
    const digest = new Digest()
    for (const [key, revision] of entries ?? thousand) digest.add(key, revision)

    expect(`${digest}`).toBe(expected)
  })

  test("is the sum mod 2⁶⁴, whatever was added and removed in which order", () => {
    const steps = fc.array(fc.tuple(fc.boolean(), key, revision), { maxLength: 50 })
    fc.assert(
      fc.property(steps, (steps) => {
        const digest = new Digest()
        let sum = 0n
        for (const [isAdded, key, revision] of steps) {
          const hash = BigInt(`0x${hexOf(h64(key, revision))}`)
          sum += isAdded ? hash : -hash
          if (isAdded) digest.add(key, revision)
          else digest.remove(key, revision)
        }

        expect(`${digest}`).toBe(BigInt.asUintN(64, sum).toString(16).padStart(16, "0"))
      }),
    )
  })
})

function hexOf({ hi, lo }: { hi: number; lo: number }): string {
  return [hi, lo].map((half) => half.toString(16).padStart(8, "0")).join("")
}
