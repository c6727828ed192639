import { connect } from "@headwater/client"
import { type StoreReport, stored } from "@headwater/client/store"
import { indexedDbStorage } from "@headwater/client/store/indexeddb"

/** A report of a page or a worker on the replica that it keeps in its IndexedDB. */
export interface StoredSeen {
  readonly reports: readonly StoreReport[]
  readonly entries: readonly (readonly [key: string, value: unknown])[]
  readonly position: string
  readonly proven: number
  readonly resets: number
}

/** Follows until there is a whole state, proven if a hub is there; then lets go. */
export async function keep(url: string, isHubThere: boolean): Promise<StoredSeen> {
  const reports: StoreReport[] = []
  let resets = 0
  const replica = connect({
    url,
    topic: "t",
    report: ({ type }) => {
      if (type === "reset") resets += 1
    },
    store: stored(indexedDbStorage("t"), { report: (report) => reports.push(report) }),
  })
  await replica.ready
  while (isHubThere && replica.proven.count === 0) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const seen = {
    reports,
    entries: [...replica.entries()].map(({ key, value }) => [key, value] as const),
    position: `${replica.position?.epoch}.${replica.position?.revision}`,
    proven: replica.proven.count,
    resets,
  }
  await replica.close()
  return seen
}

/** Harms what is stored, as no save does. */
export function harm(): Promise<void> {
  return indexedDbStorage("t").save(Uint8Array.of(1, 2, 3))
}

Object.assign(globalThis, { keep, harm })

// The same in a service worker: it does what it is asked by message.
interface WorkerMessage {
  readonly data: { readonly url: string }
  readonly ports: readonly { postMessage(message: unknown): void }[]
  waitUntil(work: Promise<unknown>): void
}
interface WorkerScope {
  addEventListener(type: "message", listener: (message: WorkerMessage) => void): void
}
if ("skipWaiting" in globalThis) {
  const scope = globalThis as unknown as WorkerScope
  scope.addEventListener("message", (message) => {
    const answer = keep(message.data.url, true).then(
      (seen) => message.ports[0]?.postMessage(seen),
      (error) => message.ports[0]?.postMessage({ failed: String(error) }),
    )
    message.waitUntil(answer)
  })
}
