import { checkOptions, isSyncError, type OptionRule, onAbort } from "@headwater/core"
import type { Holder } from "./holder.ts"
import { LeadingTab } from "./leading-tab.ts"
import { sharedRequestOf } from "./shared-request.ts"
import { SharedWorkerHolder, type WorkerHandle } from "./shared-worker.ts"
import { webLocks } from "./web-locks.ts"

/** Options of `tabs`. */
export interface TabsOptions {
  /**
   * The script of the shared worker, `@headwater/client/shared/worker`, where the bundler does not
   * find it by itself; `false` for none. It has to be of the page's own origin.
   */
  readonly worker?: string | URL | false | undefined
}

const workerRule: OptionRule = {
  allowed: "the URL of a script, or false",
  test: (value) => value === false || typeof value === "string" || value instanceof URL,
}

/** The name of the lock, the channel and the worker. Another protocol has another name. */
const NAME = "headwater-tabs-1"

// One function for each script, so that calls of `connect` in one page share their stream as well.
const made = new Map<string, typeof globalThis.fetch>()

/**
 * A `fetch` whose streams are shared by all tabs of an origin: `connect({ …, fetch: tabs() })`.
 *
 * Tabs that follow the same hub, topic and view with the same credential share one connection,
 * which a shared worker holds, or, where there is none, one of the tabs. Each tab has a whole
 * replica of its own, which it proves itself. When the holder closes, freezes or crashes, another
 * takes its place, and each replica goes on from its id. Other requests, such as writes, go their
 * own way. Without a shared worker and without Web Locks, each tab has its own connection.
 *
 * Decision: docs/decisions/client.md, “Tabs share a stream through `fetch`”.
 *
 * @throws {OptionError} an option is unknown or makes no sense.
 */
export function tabs(options: TabsOptions = {}): typeof globalThis.fetch {
  checkOptions("tabs", options, { worker: workerRule })
  const script = String(options.worker ?? "")
  let shared = made.get(script)
  if (!shared) {
    shared = sharedFetch(holdersOf(options))
    made.set(script, shared)
  }
  return shared
}

// The ways to share, the best first. Each is made when the one before it does not work.
function holdersOf({ worker }: TabsOptions): (() => Holder)[] {
  const { SharedWorker } = globalThis as { SharedWorker?: SharedWorkerClass }
  const ways: (() => Holder)[] = []
  if (SharedWorker && worker !== false) {
    ways.push(() => new SharedWorkerHolder(() => workerOf(SharedWorker, worker)))
  }
  const locks = webLocks()
  if (locks && globalThis.BroadcastChannel) ways.push(() => new LeadingTab(NAME, locks))
  return ways
}

type SharedWorkerClass = new (
  script: string | URL,
  options: { readonly type: "module"; readonly name: string },
) => WorkerHandle

// Bundlers find the script by these very words, and put it beside the page's own.
function workerOf(SharedWorker: SharedWorkerClass, script: string | URL | undefined): WorkerHandle {
  if (script) return new SharedWorker(script, { type: "module", name: NAME })
  return new SharedWorker(new URL("./worker.js", import.meta.url), { type: "module", name: NAME })
}

function sharedFetch(ways: (() => Holder)[]): typeof globalThis.fetch {
  let holder: Holder | undefined
  const find = async () => {
    for (;;) {
      holder ??= ways.shift()?.()
      if (!holder) return undefined
      const streams = await holder.find()
      if (streams) return streams
      holder = undefined
    }
  }
  return async (input, init) => {
    const request = sharedRequestOf(input, init)
    const signal = init?.signal
    const streams = request && (await beforeAbort(find(), signal))
    if (!streams) return globalThis.fetch(input, init)
    // The client ends a stream that fell silent by an error of this code.
    onAbort(signal ?? undefined, () => {
      const { reason } = signal as AbortSignal
      if (isSyncError(reason) && reason.code === "ERR_TIMEOUT") holder?.suspect()
    })
    return streams.open(request, signal)
  }
}

// Waits for a promise, or rejects with the reason of the signal.
async function beforeAbort<Value>(
  promise: Promise<Value>,
  signal: AbortSignal | null | undefined,
): Promise<Value> {
  let letGo: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    letGo = onAbort(signal ?? undefined, () => reject(signal?.reason))
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    letGo?.()
  }
}
