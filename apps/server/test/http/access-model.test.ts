import type { Frame } from "@headwater/protocol"
import { memorySource } from "@headwater/syncer/memory"
import { prng } from "@headwater/testing"
import { afterEach, expect, test } from "vitest"
import { covers } from "../../src/access/allowed.ts"
import { accessOn, type TopicGrants } from "../../src/access/grant.ts"
import { digestOf, newToken } from "../../src/access/token.ts"
import { parseTokenFile } from "../../src/access/token-file.ts"
import { LocalHub } from "../support/local-hub.ts"
import { ModelReplica } from "../support/model-replica.ts"
import type { StreamReader } from "../support/stream-reader.ts"

// Random entries, grants and readers on two hubs of one source. Each text that a hub sends is held
// against the grant of the identity it was sent to, and each `sync` is proven by its digest.

const isFull = process.env.HEADWATER_FULL === "1"
const STEPS = 120
const SEEDS = Array.from({ length: isFull ? 100 : 3 }, (_, n) => n + 1)
const NAMES = ["ada", "bob", "eve"] as const
const KEYS = ["a", "b"].flatMap((x) => ["a", "b", "c"].flatMap((y) => [`${x}/${y}`, `${x}/${y}/1`]))
const PREFIXES = ["", "a/", "b/", "a/a", "a/a/", "b/c", "c/"]

interface Reader {
  readonly name: (typeof NAMES)[number]
  readonly query: string
  replica: ModelReplica
  stream: StreamReader | undefined
  pending: Promise<Frame | undefined> | undefined
  id: string
}

let hubs: LocalHub[] = []

afterEach(async () => {
  for (const hub of hubs) await hub.close()
  hubs = []
})

class Model {
  readonly #random: () => number
  readonly #tokens = new Map(NAMES.map((name) => [name, newToken()]))
  readonly #readers: Reader[] = []
  #grants = new Map<string, TopicGrants>()
  readonly checks = { texts: 0, proofs: 0, refused: 0 }

  constructor(seed: number) {
    this.#random = prng(seed)
  }

  async run(isBroken: boolean): Promise<void> {
    const source = memorySource()
    const tokens = this.#table()
    hubs = [0, 1].map(() => new LocalHub({ through: () => source, access: { tokens } }))
    for (const hub of hubs) await hub.settle()
    for (let step = 0; step < STEPS; step++) {
      const act = this.#pick(["write", "write", "grant", "list", "read", "hop"])
      if (act === "write") await this.#write(source)
      if (act === "grant") await this.#regrant(isBroken)
      if (act === "list") await this.#list()
      if (act === "read" && this.#readers.length < 8) this.#open()
      if (act === "hop") await this.#hop()
      await this.#drainAll()
    }
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)]!
  }

  #some<T>(items: readonly T[]): T[] {
    return items.filter(() => this.#random() < 0.3)
  }

  #table() {
    for (const name of NAMES) {
      const set = () => this.#pick([true as const, [], this.#some(PREFIXES.slice(1))])
      const keys = { keys: this.#some(KEYS) }
      const read = this.#pick([set(), set(), keys])
      this.#grants.set(name, this.#random() < 0.15 ? {} : { t: { read } })
    }
    const identities = NAMES.map((name) => ({
      name,
      sha256: [digestOf(this.#tokens.get(name)!)],
      topics: this.#grants.get(name)!,
    }))
    return parseTokenFile(JSON.stringify({ identities }))
  }

  async #write(source: ReturnType<typeof memorySource>): Promise<void> {
    const changes = this.#some(KEYS).map((key) =>
      this.#random() < 0.3
        ? ({ op: "delete", key } as const)
        : ({
            op: "put",
            key,
            value: new TextEncoder().encode(JSON.stringify(`v:${key}`)),
          } as const),
    )
    if (changes.length === 0) return
    await source.write({ conditions: [], changes }, new AbortController().signal)
    for (const hub of hubs) await hub.settle()
  }

  async #regrant(isBroken: boolean): Promise<void> {
    // What was sent before the change is checked by the grant before it.
    await this.#drainAll()
    const table = this.#table()
    if (isBroken) return
    const reloads = hubs.map((hub) => hub.access.reload(table))
    // Some readers take their goodbye; the connections of the others are cut.
    for (const reader of this.#some(this.#readers)) await this.#drain(reader, false)
    for (const hub of hubs) await hub.clock.advance(500)
    await Promise.all(reloads)
    for (const reader of this.#readers) await this.#drain(reader, false)
  }

  async #list(): Promise<void> {
    const name = this.#pick(NAMES)
    const prefix = encodeURIComponent(this.#pick(PREFIXES))
    const headers = this.#headers(name)
    const response = await this.#pick(hubs).ask(`/v1/topics/t/entries?prefix=${prefix}`, {
      headers,
    })
    this.#check(name, await response.text())
  }

  #open(): void {
    const query = this.#pick(["", "prefix=a/", "prefix=b/&key=a/a", "key=a/a/1", "prefix="])
    this.#readers.push({
      name: this.#pick(NAMES),
      query,
      replica: new ModelReplica(),
      stream: undefined,
      pending: undefined,
      id: "",
    })
  }

  async #hop(): Promise<void> {
    for (const reader of this.#some(this.#readers)) {
      await reader.stream?.close()
      await reader.pending?.catch(() => {})
      reader.stream = undefined
      reader.pending = undefined
    }
  }

  async #drainAll(): Promise<void> {
    for (const reader of this.#readers) {
      if (reader.stream === undefined) await this.#connect(reader)
      await this.#drain(reader, true)
    }
  }

  async #connect(reader: Reader): Promise<void> {
    const headers = { ...this.#headers(reader.name), "last-event-id": reader.id }
    try {
      reader.stream = await this.#pick(hubs).stream(reader.query, headers, reader.replica)
    } catch {
      this.checks.refused++
      reader.replica = new ModelReplica()
      reader.id = ""
    }
  }

  /** Reads what a stream has sent. Its replica proves each `sync`. */
  async #drain(reader: Reader, isChecked: boolean): Promise<void> {
    while (reader.stream !== undefined) {
      // The hub cuts a reader that did not take its goodbye.
      reader.pending ??= reader.stream.next().catch((error) => {
        if (/cut the stream/.test(String(error))) return undefined
        throw error
      })
      const quiet = Promise.all(hubs.map((hub) => hub.settle())).then(() => "quiet" as const)
      const frame = await Promise.race([reader.pending, quiet])
      if (frame === "quiet") return
      reader.pending = undefined
      reader.id = reader.stream.lastId ?? reader.id
      this.checks.proofs += reader.replica.proven
      reader.replica.proven = 0
      if (frame === undefined) reader.stream = undefined
      else if (isChecked) this.#check(reader.name, JSON.stringify(frame))
    }
  }

  #check(name: string, text: string): void {
    this.checks.texts++
    const { read } = accessOn(this.#grants.get(name)!, "t")
    for (const [, key] of text.matchAll(/"(?:key":"|v:)([^"]*)"/g)) {
      if (!covers(read, key!)) throw new Error(`${name} was sent ${key}: ${text}`)
    }
  }

  #headers(name: (typeof NAMES)[number]): Record<string, string> {
    return { authorization: `Bearer ${this.#tokens.get(name)}` }
  }
}

test.each(SEEDS)("no identity is sent a key outside its grant (seed %i)", async (seed) => {
  const model = new Model(seed)
  await model.run(false)

  expect(Math.min(...Object.values(model.checks))).toBeGreaterThan(0)
})

test("the model finds a hub that goes on by grants of before", async () => {
  const runs = SEEDS.map((seed) => () => new Model(seed).run(true))
  const found = []
  for (const run of runs) found.push(await run().then(() => "nothing", String))

  expect(found.join()).toMatch(/was sent/)
})
