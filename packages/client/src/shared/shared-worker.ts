import { ANSWER_MS, type Holder } from "./holder.ts"
import type { Port } from "./holder-protocol.ts"
import { TabStreams } from "./tab-streams.ts"
import { type WebLocks, webLocks } from "./web-locks.ts"

/** A shared worker, as a tab sees it. */
export interface WorkerHandle {
  readonly port: Port
  addEventListener(type: "error", listener: () => void): void
}

/**
 * The streams of a tab in a shared worker. A worker that crashes gives back the lock that it holds,
 * which tells its tabs at once; without locks, they learn of it by its silence.
 */
export class SharedWorkerHolder implements Holder {
  readonly #open: () => WorkerHandle
  readonly #locks: WebLocks | undefined = webLocks()
  #streams: Promise<TabStreams | undefined> | undefined

  /** @param open makes the worker, or finds the one that runs. May throw. */
  constructor(open: () => WorkerHandle) {
    this.#open = open
  }

  find(): Promise<TabStreams | undefined> {
    this.#streams ??= this.#connect()
    return this.#streams
  }

  suspect(): void {
    const suspected = this.#streams
    suspected
      ?.then(async (streams) => {
        if (streams && !(await streams.isAlive(ANSWER_MS))) this.#drop(streams, suspected)
      })
      .catch(() => {})
  }

  // Resolves with `undefined` where the worker does not load.
  async #connect(): Promise<TabStreams | undefined> {
    let worker: WorkerHandle
    try {
      worker = this.#open()
    } catch {
      return undefined
    }
    let streams: TabStreams | undefined
    const lock = await new Promise<string | false | undefined>((resolve) => {
      worker.addEventListener("error", () => resolve(false))
      streams = new TabStreams(worker.port, (lock) => resolve(lock))
      // A script takes a while to load, where the network is slow.
      setTimeout(() => resolve(false), ANSWER_MS * 5)
    })
    if (lock === false) {
      streams?.close("the shared worker does not answer")
      return undefined
    }
    const own = this.#streams
    if (lock) {
      this.#locks
        ?.request(lock, { mode: "shared" }, async () => this.#drop(streams!, own))
        .catch(() => {})
    }
    return streams
  }

  #drop(streams: TabStreams, promise: Promise<TabStreams | undefined> | undefined): void {
    if (this.#streams === promise) this.#streams = undefined
    streams.close("the shared worker has gone")
  }
}
