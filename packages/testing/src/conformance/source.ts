import type { Change, Commit, Entry, Source, WatchEvent } from "@headwater/core"
import { isSyncError, systemClock } from "@headwater/core"
import {
  codeOf,
  commit,
  entriesOf,
  eventually,
  latin1,
  listen,
  never,
  pagesOf,
  put,
  putAll,
  putOf,
  rejectionOf,
  shown,
  text,
  utf8,
  valueAt,
  within,
  write,
} from "./probe.ts"
import type { Suite } from "./suite.ts"

/** A source to be proven, and the handles that a proof needs beside it. */
export interface SourceUnderTest {
  /** Writable, used by this test alone, and without entries. */
  readonly source: Source
  /** Makes the source forget its history below the present revision. */
  compact(): Promise<void>
  /** The number of watches, lists and requests that are open in it now. */
  openCalls(): number
  /** Called after each test, the source being closed already. */
  close(): Promise<void>
}

/**
 * Abilities that some sources lack by their nature. A test that needs one of them is skipped for
 * such a source, and its title names the trait.
 *
 *   batches   several changes in one commit
 *   writes    being written with conditions
 *   past      a list as of an earlier revision
 *   commits   a watch of commits one by one: it merges them into `deltas`, and forgets by itself
 *   bytes     values that are not text
 *   names     keys of any form
 *   progress  progress on an idle watch within some seconds
 */
export type Trait = "batches" | "writes" | "past" | "commits" | "bytes" | "names" | "progress"

/**
 * Declares the tests that every `Source` passes, one `describe` of them.
 *
 * @param open makes a fresh, empty source for each test.
 * @param lacks the traits that this kind of source does not have; none by default.
 *
 * @example
 * import { describe, expect, test } from "vitest"
 * sourceConformance({ describe, test, expect }, "my source", () => openMine())
 */
export function sourceConformance(
  suite: Suite,
  name: string,
  open: () => Promise<SourceUnderTest>,
  lacks: readonly Trait[] = [],
): void {
  const { describe, test, expect } = suite

  // Every test ends the same way: nothing is open.
  const check: Check = (title, body, ...needs) => {
    const missing = needs.filter((trait) => lacks.includes(trait))
    const run = async () => {
      const under = await open()
      try {
        await body(under)
        await eventually(() => under.openCalls() === 0)
        expect(under.openCalls(), "calls left open").toEqual(0)
      } finally {
        await under.source.close()
        await under.close()
      }
    }
    if (missing.length === 0) test(title, run)
    else test.skip(`${title} (the source lacks ${missing.join(" and ")})`, run)
  }

  describe(`${name}: a source`, () => {
    declareList(check, expect)
    declareWatch(check, expect)
    if (lacks.includes("commits")) declareRuns(check, expect)
    declareLost(check, expect)
    declareWrite(check, expect)
    declareEnds(check, expect)
  })
}

type Check = (
  title: string,
  body: (under: SourceUnderTest) => Promise<void>,
  ...needs: readonly Trait[]
) => void
type Expect = Suite["expect"]

function declareList(check: Check, expect: Expect): void {
  check(
    "list() of an empty source is one page without entries, at the present revision",
    async (under) => {
      // Who it is may have to be written down first.
      const own = await under.source.identity(never)
      const pages = await pagesOf(under.source)

      const revision = await under.source.revision(never)
      // A page may also say what the source is.
      expect(pages.every(({ identity = own }) => identity === own)).toEqual(true)
      expect(pages.map(({ identity: _, ...page }) => page)).toEqual([
        { revision, entries: [], invalid: [] },
      ])
    },
  )

  check("list() tells every entry once, with the revision that last wrote it", async (under) => {
    const first = await put(under.source, "a", "1")
    const second = await put(under.source, "b/c", "2")
    const third = await put(under.source, "a", "3")
    await put(under.source, "gone", "4")
    await write(under.source, [{ op: "delete", key: "gone" }])

    expect(first < second && second < third, "revisions rise").toEqual(true)
    expect(await entriesOf(under.source)).toEqual([
      { key: "a", value: utf8("3"), revision: third },
      { key: "b/c", value: utf8("2"), revision: second },
    ])
  })

  check(
    "list() answers all pages as of one revision, whatever is written meanwhile",
    async (under) => {
      const keys = Array.from(
        { length: 1_500 },
        (_, index) => `key/${String(index).padStart(5, "0")}`,
      )
      for (let start = 0; start < keys.length; start += 100) {
        await putAll(under.source, keys.slice(start, start + 100), "before")
      }
      const seen: Entry[] = []
      const revisions = new Set<number>()
      for await (const page of under.source.list({}, never)) {
        revisions.add(page.revision)
        seen.push(...page.entries)
        await write(under.source, [
          { op: "put", key: keys.at(-1)!, value: utf8("after") },
          { op: "put", key: `zzz/${seen.length}`, value: utf8("after") },
        ])
      }

      expect(revisions.size).toEqual(1)
      expect(seen.map((entry) => entry.key).sort()).toEqual(keys)
      expect(seen.filter((entry) => text(entry.value) !== "before")).toEqual([])
    },
    "batches",
  )

  check(
    "list({ at }) shows the state of that revision",
    async (under) => {
      const then = await put(under.source, "a", "then")
      await put(under.source, "a", "now")
      await put(under.source, "b", "now")

      expect(await entriesOf(under.source, { at: then })).toEqual([
        { key: "a", value: utf8("then"), revision: then },
      ])
    },
    "past",
  )

  check("list({ at }) of a compacted revision throws a SourceError", async (under) => {
    const then = await put(under.source, "a", "then")
    await put(under.source, "a", "now")
    await put(under.source, "a", "later")
    await under.compact()

    expect(await codeOf(pagesOf(under.source, { at: then }))).toEqual("ERR_SOURCE_FAILED")
  })

  check("list({ atLeast }) is not below that revision", async (under) => {
    const written = await put(under.source, "a", "1")
    const pages = await pagesOf(under.source, { atLeast: written })

    expect(pages.every((page) => page.revision >= written)).toEqual(true)
    expect(pages.flatMap((page) => page.entries).length).toEqual(1)
  })

  check("revision() is not below any write that was answered", async (under) => {
    for (let turn = 0; turn < 5; turn++) {
      const written = await put(under.source, "a", String(turn))
      const revision = await under.source.revision(never)
      expect(revision >= written, `${revision} is not below ${written}`).toEqual(true)
    }
  })

  check("identity() stays the same", async (under) => {
    const identity = await under.source.identity(never)
    await put(under.source, "a", "1")

    expect(await under.source.identity(never)).toEqual(identity)
  })
}

function declareWatch(check: Check, expect: Expect): void {
  check(
    "watch() tells every commit from its first revision on, once, in order",
    async (under) => {
      const before = await put(under.source, "before", "0")
      const past: Commit[] = []
      for (let turn = 0; turn < 5; turn++)
        past.push(await commit(under.source, [putOf("a", `${turn}`)]))
      const heard = listen(under.source, before + 1)
      const live: Commit[] = []
      for (let turn = 5; turn < 10; turn++)
        live.push(await commit(under.source, [putOf("a", `${turn}`)]))

      expect(await heard.until(live.at(-1)!.revision)).toEqual([...past, ...live])
      await heard.stop()
    },
    "commits",
  )

  check(
    "watch() from the next revision hears nothing of the past",
    async (under) => {
      const before = await put(under.source, "a", "past")
      const heard = listen(under.source, before + 1)
      const next = await commit(under.source, [putOf("a", "next")])

      expect(await heard.until(next.revision)).toEqual([next])
      await heard.stop()
    },
    "commits",
  )

  check(
    "watch() tells a long history whole",
    async (under) => {
      const before = await under.source.revision(never)
      const told: Commit[] = []
      for (let turn = 0; turn < 300; turn++)
        told.push(await commit(under.source, [putOf(`k${turn % 7}`, `${turn}`)]))
      const heard = listen(under.source, before + 1)

      expect(await heard.until(told.at(-1)!.revision)).toEqual(told)
      await heard.stop()
    },
    "commits",
  )

  check(
    "watch() tells the changes of one batch as one commit",
    async (under) => {
      const heard = listen(under.source, (await under.source.revision(never)) + 1)
      const first = await commit(under.source, [putOf("a", "1"), putOf("b", "1"), putOf("c", "1")])
      const second = await commit(under.source, [putOf("b", "2"), { op: "delete", key: "a" }])

      expect(await heard.until(second.revision)).toEqual([first, second])
      await heard.stop()
    },
    "batches",
    "commits",
  )

  check(
    "watch() tells a large batch as one commit",
    async (under) => {
      const heard = listen(under.source, (await under.source.revision(never)) + 1)
      const changes = Array.from({ length: 120 }, (_, index) =>
        putOf(`k${index}`, "x".repeat(8_000)),
      )
      const large = await commit(under.source, changes)

      expect((await heard.until(large.revision)).map(shown)).toEqual([shown(large)])
      await heard.stop()
    },
    "batches",
    "commits",
  )

  check(
    "watch() tells a put of the same value, and a put followed by a delete",
    async (under) => {
      const first = await put(under.source, "a", "same")
      const again = await commit(under.source, [putOf("a", "same")])
      const gone = await commit(under.source, [{ op: "delete", key: "a" }])
      const heard = listen(under.source, first + 1)

      expect(await heard.until(gone.revision)).toEqual([again, gone])
      await heard.stop()
    },
    "commits",
  )

  check(
    "two watches each hear everything",
    async (under) => {
      const from = (await under.source.revision(never)) + 1
      const one = listen(under.source, from)
      const other = listen(under.source, from)
      const told = await commit(under.source, [putOf("a", "1")])

      expect(await one.until(told.revision)).toEqual([told])
      expect(await other.until(told.revision)).toEqual([told])
      await one.stop()
      await other.stop()
    },
    "commits",
  )

  check(
    "an idle watch reports progress",
    async (under) => {
      const written = await put(under.source, "a", "1")
      const heard = listen(under.source, written + 1)
      await eventually(() => heard.progress >= written)

      expect(heard.progress).toEqual(written)
      await heard.stop()
    },
    "progress",
  )
}

// A source that merges commits is held to their sum: applied to a list, they lead to the next list.
function declareRuns(check: Check, expect: Expect): void {
  check("watch() that merges commits leads from list to list", async (under) => {
    const { source } = under
    for (let turn = 0; turn < 20; turn++) await put(source, `k${turn}`, "1")
    const [page] = await pagesOf(source)
    const heard = listen(source, page!.revision + 1)
    for (let turn = 0; turn < 60; turn++) {
      const key = `k${(turn * 7) % 23}`
      await write(source, turn % 5 ? [putOf(key, `${turn % 3}`)] : [{ op: "delete", key }])
    }
    const last = await write(source, [putOf("a", "1"), putOf("b", "1")])
    const told = await heard.until(last)

    const state = new Map(page!.entries.map((entry) => [entry.key, entry]))
    for (const { deltas = [] } of told) {
      for (const delta of deltas) {
        const { key, revision } = delta
        const value = delta.op === "put" ? delta.value : state.get(key)?.value
        if (delta.op === "delete") state.delete(key)
        else state.set(key, { key, value: value!, revision })
      }
    }
    const revisions = told.map(({ revision }) => revision)
    expect(revisions).toEqual([...revisions].sort((one, other) => one - other))
    expect([...state.values()].sort((one, other) => (one.key < other.key ? -1 : 1))).toEqual(
      await entriesOf(source, { atLeast: last }),
    )
    await heard.stop()
  })
}

function declareLost(check: Check, expect: Expect): void {
  check(
    "watch() from a compacted revision is lost, which is the last that it says",
    async (under) => {
      const old = await put(under.source, "a", "1")
      await put(under.source, "a", "2")
      await put(under.source, "a", "3")
      await under.compact()
      const told: WatchEvent[] = []
      await within(async (signal) => {
        for await (const event of under.source.watch(old, signal)) told.push(event)
      })

      expect(told.filter(({ type }) => type === "commits")).toEqual([])
      expect(told.flatMap((event) => (event.type === "lost" ? [event.reason] : []))).toEqual([
        "compacted",
      ])
      expect(told.at(-1)?.type).toEqual("lost")
    },
    "commits",
  )

  check(
    "watch() from the revision of a delete that is compacted tells it, or is lost",
    async (under) => {
      await put(under.source, "a", "1")
      const gone = await commit(under.source, [{ op: "delete", key: "a" }])
      await under.compact()
      const next = await commit(under.source, [putOf("b", "1")])
      const told: WatchEvent[] = []
      await within(async (signal) => {
        for await (const event of under.source.watch(gone.revision, signal)) {
          told.push(event)
          if (event.type === "commits" && event.commits.at(-1)?.revision === next.revision) break
        }
      })
      const commits = told.flatMap((event) => (event.type === "commits" ? event.commits : []))

      expect(commits).toEqual(told.at(-1)?.type === "lost" ? [] : [gone, next])
    },
    "commits",
  )

  check(
    "list() then watch() from the next revision misses nothing after a compaction",
    async (under) => {
      await put(under.source, "a", "1")
      await put(under.source, "a", "2")
      await under.compact()
      const [page] = await pagesOf(under.source)
      const heard = listen(under.source, page!.revision + 1)
      const next = await commit(under.source, [putOf("a", "3")])

      expect(await heard.until(next.revision)).toEqual([next])
      await heard.stop()
    },
    "commits",
  )
}

function declareWrite(check: Check, expect: Expect): void {
  check(
    "write() with conditions that hold writes; with one that does not, nothing",
    async (under) => {
      const first = await put(under.source, "a", "1")
      const changes = [putOf("a", "2"), putOf("b", "2")]
      const held = [
        { key: "a", revision: first },
        { key: "b", revision: 0 },
      ]
      const written = await under.source.write!({ conditions: held, changes }, never)
      const refused = await under.source.write!({ conditions: held, changes }, never)
      const revision = written.written ? written.revision : 0

      expect(written).toEqual({ written: true, revision })
      expect(revision > first).toEqual(true)
      expect(refused).toEqual({
        written: false,
        failed: [
          { key: "a", revision },
          { key: "b", revision },
        ],
      })
      expect(await under.source.revision(never)).toEqual(revision)
    },
    "writes",
  )

  check(
    "write() tells the failed conditions alone, and 0 for an absent key",
    async (under) => {
      const first = await put(under.source, "a", "1")
      const conditions = [
        { key: "a", revision: first },
        { key: "b", revision: first },
        { key: "c", exists: true as const },
      ]

      expect(await under.source.write!({ conditions, changes: [putOf("a", "2")] }, never)).toEqual({
        written: false,
        failed: [
          { key: "b", revision: 0 },
          { key: "c", revision: 0 },
        ],
      })
      expect(await valueAt(under.source, "a")).toEqual("1")
    },
    "writes",
  )

  check(
    "write() on the condition that a key exists",
    async (under) => {
      const exists = [{ key: "a", exists: true as const }]
      const changes: Change[] = [{ op: "delete", key: "a" }]
      await put(under.source, "a", "1")
      const written = await under.source.write!({ conditions: exists, changes }, never)
      const refused = await under.source.write!({ conditions: exists, changes }, never)

      expect(written.written).toEqual(true)
      expect(refused).toEqual({ written: false, failed: [{ key: "a", revision: 0 }] })
    },
    "writes",
  )

  check(
    "write() of deletes of absent keys is no error, and no watch reports it",
    async (under) => {
      const before = await put(under.source, "a", "1")
      const heard = listen(under.source, before + 1)
      const outcome = await under.source.write!(
        { conditions: [], changes: [{ op: "delete", key: "never" }] },
        never,
      )
      const after = await commit(under.source, [{ op: "delete", key: "never" }, putOf("a", "2")])
      const told = await heard.until(after.revision)

      expect(outcome.written && outcome.revision >= before).toEqual(true)
      expect(told.flatMap((one) => one.changes)).toEqual([putOf("a", "2")])
      await heard.stop()
    },
    "writes",
    "commits",
  )

  check(
    "values are bytes: empty, every byte, and large ones come back as they were",
    async (under) => {
      const values: Record<string, Uint8Array> = {
        empty: new Uint8Array(0),
        every: Uint8Array.from({ length: 256 }, (_, index) => index),
        large: Uint8Array.from({ length: 300_001 }, (_, index) => (index * 31) & 255),
      }
      const from = (await under.source.revision(never)) + 1
      const written = await commit(
        under.source,
        Object.entries(values).map(([key, value]) => ({ op: "put" as const, key, value })),
      )
      const heard = listen(under.source, from)
      const listed = await entriesOf(under.source)

      const told = await heard.until(written.revision)

      const expected = Object.entries(values).map(([key, value]) => [key, latin1(value)])
      expect(listed.map(({ key, value }) => [key, latin1(value)])).toEqual(expected)
      expect(told.map(shown)).toEqual([shown(written)])
      await heard.stop()
    },
    "bytes",
    "commits",
  )

  check(
    "keys are UTF-8 of up to 4,096 bytes, with nothing special in them",
    async (under) => {
      const keys = [
        "a",
        "A",
        "a/",
        "a//b",
        "../..",
        " ",
        "ключ",
        "é",
        "e\u0301",
        "🜁",
        "\u0000",
        "\ufeffa",
        "%2F",
        '"\\\n',
        "x".repeat(4_096),
      ]
      const from = (await under.source.revision(never)) + 1
      const written = await commit(
        under.source,
        keys.map((key) => putOf(key, key.slice(0, 10))),
      )
      const heard = listen(under.source, from)
      const listed = await entriesOf(under.source)

      expect(listed.map(({ key }) => key)).toEqual([...keys].sort())
      expect(await heard.until(written.revision)).toEqual([written])
      await heard.stop()
    },
    "names",
    "commits",
  )
}

function declareEnds(check: Check, expect: Expect): void {
  check("every call with an aborted signal rejects with its reason", async (under) => {
    const reason = new Error("left before")
    const left = AbortSignal.abort(reason)
    const calls = [
      under.source.identity(left),
      under.source.revision(left),
      under.source.list({}, left)[Symbol.asyncIterator]().next(),
      under.source.watch(1, left)[Symbol.asyncIterator]().next(),
      under.source.write!({ conditions: [], changes: [putOf("a", "1")] }, left),
    ]

    for (const call of calls) expect(await rejectionOf(call)).toEqual(reason)
    expect((await pagesOf(under.source))[0]?.entries).toEqual([])
  })

  check("an idle watch rejects with the reason when it is aborted", async (under) => {
    const abort = new AbortController()
    const reason = new Error("had enough")
    const from = (await under.source.revision(never)) + 1
    const watching = (async () => {
      for await (const _ of under.source.watch(from, abort.signal));
    })()
    await eventually(() => under.openCalls() > 0)
    abort.abort(reason)

    expect(await rejectionOf(watching)).toEqual(reason)
  })

  check("leaving the loop of a list or a watch leaves nothing open", async (under) => {
    const written = await put(under.source, "a", "1")
    for await (const _ of under.source.list({}, never)) break
    for await (const _ of under.source.watch(written, never)) break

    await eventually(() => under.openCalls() === 0)
    expect(under.openCalls()).toEqual(0)
  })

  check("close() ends what is open, and later calls reject", async (under) => {
    const heard = listen(under.source, (await under.source.revision(never)) + 1)
    await systemClock.sleep(50, never)
    await under.source.close()
    await heard.ended

    expect(await rejectionOf(under.source.revision(never)).then(isSyncError)).toEqual(true)
  })
}
