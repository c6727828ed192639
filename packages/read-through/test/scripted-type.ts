import type { CacheRequest, CacheType, FetchOptions, FetchResult } from "@headwater/core"

/** A read that is out, for the test to answer. */
export interface Read {
  readonly options: FetchOptions<string>
  readonly signal: AbortSignal
  answer(result: FetchResult<string>): Promise<void>
  fail(error: Error): Promise<void>
}

/** A type whose reads wait for the test to answer them. */
export class ScriptedType {
  /** All reads that were ever begun. */
  readonly reads: Read[] = []
  /** Most that were out at once for one key and token. */
  outMax = 0
  readonly #out = new Map<string, number>()
  readonly type: CacheType<string>

  constructor(options: Omit<CacheType<string>, "fetch"> = {}) {
    this.type = { ...options, fetch: (fetchOptions, signal) => this.#fetch(fetchOptions, signal) }
  }

  /** The newest read. */
  get last(): Read {
    return this.reads.at(-1)!
  }

  #fetch(options: FetchOptions<string>, signal: AbortSignal): Promise<FetchResult<string>> {
    const id = idOf(options.request)
    this.#out.set(id, (this.#out.get(id) ?? 0) + 1)
    this.outMax = Math.max(this.outMax, this.#out.get(id)!)
    let isOut = true
    const over = () => {
      if (isOut) this.#out.set(id, this.#out.get(id)! - 1)
      isOut = false
    }
    signal.addEventListener("abort", over)
    return new Promise((resolve, reject) => {
      this.reads.push({
        options,
        signal,
        answer(result) {
          over()
          resolve(result)
          return turn()
        },
        fail(error) {
          over()
          reject(error)
          return turn()
        },
      })
    })
  }
}

function idOf({ partition, token, key }: CacheRequest): string {
  return JSON.stringify([partition, token, key])
}

/** Lets woken callers run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/** A promise, and how it stands. */
export class Watched<T> {
  state: "waiting" | "done" | "failed" = "waiting"
  value: T | undefined
  error: unknown
  readonly settled: Promise<void>

  constructor(promise: Promise<T>) {
    this.settled = promise.then(
      (value) => {
        this.state = "done"
        this.value = value
      },
      (error) => {
        this.state = "failed"
        this.error = error
      },
    )
  }
}

/** The first events of an iterable, as they come. */
export function collect<T>(events: AsyncIterable<T>): { readonly events: T[]; error: unknown } {
  const collected: { events: T[]; error: unknown } = { events: [], error: undefined }
  const run = async () => {
    for await (const event of events) collected.events.push(event)
  }
  run().catch((error) => {
    collected.error = error
  })
  return collected
}
