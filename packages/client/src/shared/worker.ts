/**
 * The script of the shared worker: it holds the streams of all tabs. `tabs()` starts it.
 *
 * @module
 */
import type { Port } from "./holder-protocol.ts"
import { RelayHost } from "./relay-host.ts"
import { webLocks } from "./web-locks.ts"

interface WorkerScope {
  onconnect?: (event: { readonly ports: readonly Port[] }) => void
}

const host = new RelayHost()
const name = `headwater-worker-${crypto.randomUUID()}`

// Held until the worker ends, however it ends: its tabs wait for this lock.
const held = new Promise<string | undefined>((resolve) => {
  const locks = webLocks()
  if (!locks) return resolve(undefined)
  locks
    .request(name, { mode: "exclusive" }, () => {
      resolve(name)
      return new Promise(() => {})
    })
    .catch(() => resolve(undefined))
})

const scope = globalThis as unknown as WorkerScope
scope.onconnect = ({ ports: [port] }) => {
  held.then((lock) => host.serve(port!, lock)).catch(() => {})
}
