import { afterEach, describe, expect, test } from "vitest"
import { json, LocalHub } from "./support/local-hub.ts"

let local: LocalHub

afterEach(async () => {
  expect(await local.close()).toEqual([])
})

const LIST = "/v1/topics/t/entries"
const NDJSON = { headers: { accept: "application/x-ndjson" } }

/** Awkward where lists are taken apart: commas, brackets, quotes and backslashes in text. */
const AWKWARD = { 'a"b\\': ["},{", { deep: "\\\\", "]": [1, 2, '"'] }], n: "line\nfeed" }

async function ready(entries: number, limits = {}): Promise<Map<string, unknown>> {
  const all = new Map<string, unknown>()
  for (let index = 0; index < entries; index += 1) {
    all.set(`${index % 2 ? "odd" : "even"}/é,${index}`, index % 5 ? index : AWKWARD)
  }
  const list = [...all].map(([key, value]) => [key, json(value)] as const)
  local = new LocalHub({ entries: list, limits })
  await local.settle()
  return all
}

interface Told {
  readonly entries: readonly { readonly key: string; readonly value: unknown }[]
  readonly next: string | undefined
  readonly position: string
}

async function list(query: string): Promise<Told> {
  const response = await local.ask(`${LIST}?${query}`)
  const body = await response.json()
  expect([response.status, response.headers.get("headwater-position")]).toEqual([
    200,
    body.position,
  ])
  return body
}

async function lines(query: string): Promise<Told> {
  const response = await local.ask(`${LIST}?${query}`, NDJSON)
  expect(response.headers.get("content-type")).toBe("application/x-ndjson")
  const text = await response.text()
  expect(text.endsWith("\n")).toBe(true)
  const [head, ...rest] = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))
  const { end, entries, next } = rest.pop()
  expect([end, entries, head.entries]).toEqual([true, rest.length, undefined])
  return { entries: rest, next, position: head.position }
}

describe.each([
  ["application/json", list],
  ["application/x-ndjson", lines],
])("a list as %s", (_name, ask) => {
  test.each([1, 7, 255, 256, 257, 600, 1_000, 5_000])(
    "by pages of %i holds every entry once, as of one moment",
    async (limit) => {
      const all = await ready(limit === 1 ? 40 : 600)
      const found = new Map<string, unknown>()
      const positions = new Set<string>()
      let next: string | undefined
      let pages = 0
      do {
        const page = await ask(`limit=${limit}${next ? `&after=${next}` : ""}`)
        expect(page.entries.length).toBe(Math.min(limit, all.size - found.size))
        for (const { key, value } of page.entries) found.set(key, value)
        positions.add(page.position)
        next = page.next
        pages += 1
        // What is written meanwhile is in none of them.
        await local.write({ [`new/${pages}`]: 1, "even/é,0": undefined })
      } while (next)

      expect(found).toEqual(all)
      expect([pages, positions.size]).toEqual([Math.ceil(all.size / limit), 1])
    },
  )

  test("of a prefix has the entries with the prefix, and no others", async () => {
    const all = await ready(600)
    const first = await ask("prefix=odd/&limit=299")
    const rest = await ask(`prefix=odd/&after=${first.next}`)
    const odd = [...all].filter(([key]) => key.startsWith("odd/"))

    expect([first.entries.length, rest.entries.length, rest.next]).toEqual([299, 1, undefined])
    const told = [...first.entries, ...rest.entries].map(({ key, value }) => [key, value] as const)
    expect(new Map(told)).toEqual(new Map(odd))
  })

  test("without entries is complete, with and without a limit", async () => {
    await ready(0)
    const told = await Promise.all([ask(""), ask("limit=3"), ask("prefix=none")])

    expect(told.map(({ entries, next }) => [entries.length, next])).toEqual(
      Array(3).fill([0, undefined]),
    )
  })
})

describe("pages", () => {
  test("can be requested again for 30 s, then are 410", async () => {
    await ready(10)
    const { next } = await list("limit=3")
    await local.clock.advance(29_000)
    const [once, again] = [await list(`after=${next}`), await list(`after=${next}`)]
    expect([once.entries, once.entries.length]).toEqual([again.entries, 7])
    await local.clock.advance(2_000)
    const gone = await local.ask(`${LIST}?after=${next}`)

    expect([gone.status, (await gone.json()).error.code]).toEqual([410, "ERR_PAGE_GONE"])
    expect((await local.ask(`${LIST}?after=what`)).status).toBe(410)
  })

  test("are bounded: the oldest is forgotten", async () => {
    await ready(10, { pagesMax: 3 })
    const names: string[] = []
    for (let page = 0; page < 4; page += 1) names.push((await list("limit=1")).next!)
    const answers = await Promise.all(names.map((name) => local.ask(`${LIST}?after=${name}`)))

    expect(answers.map(({ status }) => status)).toEqual([410, 200, 200, 200])
    for (const answer of answers) await answer.text()
  })

  test("refuse limits and parameters that make no sense", async () => {
    await ready(10)
    const { next, position } = await list("limit=1&prefix=odd/")
    const bad = [
      "limit=0",
      "limit=1e3",
      "limit=",
      `after=${next}`,
      `limit=1&since=${position}`,
      `prefix=odd/&after=${next}&since=${position}`,
    ]
    const answers = await Promise.all(bad.map((query) => local.ask(`${LIST}?${query}`)))

    expect(answers.map(({ status }) => status)).toEqual(bad.map(() => 400))
  })

  test("are not cached on the way; a list by lines has its own ETag", async () => {
    await ready(10)
    const page = await local.ask(`${LIST}?limit=1`)
    const [whole, byLines] = [await local.ask(LIST), await local.ask(LIST, NDJSON)]
    for (const answer of [page, whole, byLines]) await answer.text()
    const tag = byLines.headers.get("etag")!
    const again = await local.ask(LIST, { headers: { ...NDJSON.headers, "if-none-match": tag } })

    expect([page.headers.get("etag"), page.headers.get("cache-control")]).toEqual([
      null,
      "no-store",
    ])
    expect([tag.endsWith('-ndjson"'), tag === whole.headers.get("etag"), again.status]).toEqual([
      true,
      false,
      304,
    ])
  })
})

describe("at-least of topics", () => {
  test.each(["/v1/topics", "/v1/topics/t"])("%s waits for the hub", async (path) => {
    await ready(1)
    const { position } = await (await local.ask("/v1/topics/t")).json()
    const [epoch, revision] = position.split(".")
    let answer: Response | undefined
    const asked = local
      .ask(`${path}?at-least=${epoch}.${Number(revision) + 1}`)
      .then((response) => {
        answer = response
      })
    await local.settle()
    expect(answer).toBeUndefined()
    await local.write({ b: 1 })
    await asked
    const body = await answer!.json()
    expect((body.topics?.[0] ?? body).revision).toBe(Number(revision) + 1)
    const other = await local.ask(`${path}?at-least=other.1`)
    const bad = await local.ask(`${path}?at-least=x`)
    const unknown = await local.ask(`${path}?since=${position}`)

    expect([other.status, bad.status, unknown.status]).toEqual([409, 400, 400])
  })
})
