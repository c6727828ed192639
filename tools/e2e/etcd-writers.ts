import type { Etcd } from "@headwater/testing/etcd"
import { pause } from "./hub-process.ts"

const WORKERS = 8
const TXN_CHANGES = 10
const FILL_CHANGES = 128

const base64 = (text: string) => Buffer.from(text).toString("base64")
const putOf = (key: string, value: string) => ({
  request_put: { key: base64(key), value: base64(value) },
})

/** Writes `count` keys below a prefix, of some 60 bytes with values of 146. */
export async function fill(etcd: Etcd, prefix: string, count: number): Promise<void> {
  let next = 0
  const work = async () => {
    while (next < count) {
      const first = next
      next = Math.min(count, first + FILL_CHANGES)
      const keys = Array.from({ length: next - first }, (_, index) => keyOf(prefix, first + index))
      await etcd.call("/v3/kv/txn", { success: keys.map((key) => putOf(key, "x".repeat(146))) })
    }
  }
  await Promise.all(Array.from({ length: 4 }, work))
}

function keyOf(prefix: string, index: number): string {
  return `${prefix}services/instances/${String(index).padStart(12, "0")}/endpoint`
}

/** Writers that change those keys, ten in a transaction, puts and deletes, until stopped. */
export class Writers {
  /** Changes that etcd answered, and transactions that it did not. */
  changes = 0
  failures = 0
  readonly #etcd: () => Etcd
  readonly #prefix: string
  readonly #count: number
  readonly #pauseMs: number
  readonly #workers: Promise<void>[]
  #stopped = false

  constructor(etcd: () => Etcd, prefix: string, count: number, changesPerSecond: number) {
    this.#etcd = etcd
    this.#prefix = prefix
    this.#count = count
    this.#pauseMs = (1_000 * WORKERS * TXN_CHANGES) / changesPerSecond
    this.#workers = Array.from({ length: WORKERS }, () => this.#work())
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#workers)
  }

  async #work(): Promise<void> {
    let due = performance.now()
    while (!this.#stopped) {
      const first = Math.floor(Math.random() * (this.#count - TXN_CHANGES))
      const success = Array.from({ length: TXN_CHANGES }, (_, index) => {
        const key = keyOf(this.#prefix, first + index)
        return Math.random() < 0.1
          ? { request_delete_range: { key: base64(key) } }
          : putOf(key, `${Math.random()}`.repeat(8))
      })
      try {
        await this.#etcd().call("/v3/kv/txn", { success }, AbortSignal.timeout(5_000))
        this.changes += TXN_CHANGES
      } catch {
        this.failures += 1
        await pause(50)
      }
      due = Math.max(due + this.#pauseMs, performance.now() - this.#pauseMs)
      await pause(Math.max(0, due - performance.now()))
    }
  }
}
