import type { SubjectProcess } from "../subject-process.ts"

/** The arguments of the command, for a hub with one topic in memory. */
export const HUB_ARGUMENTS = ["--listen", "127.0.0.1:0", "--topic", "bench=memory:"]

/** The bytes by which a reader knows that the hub is in sync and takes writes. */
export const IN_SYNC = '"status":"in-sync"'

/** Becomes the hub, as `headwater` runs it: it reads this process's arguments. */
export async function becomeHub(): Promise<void> {
  const main = new URL("./main.js", import.meta.resolve("@headwater/server"))
  await import(main.href)
}

/** The address of a hub, once it takes writes: measured readers must not share its start. */
export async function urlOfHub(server: SubjectProcess): Promise<string> {
  const url = (await server.printed(/listens on (http:[^\s,]+)/))[1] ?? ""
  while ((await fetch(`${url}/readyz`)).status !== 200) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  return url
}

const POLL_MS = 20

/**
 * Counts the entries that snapshots are asked to encode from now on, for readers without a state:
 * by standing between the hub and the core, before the hub is loaded.
 */
export async function countEncoded(): Promise<() => number> {
  const { Snapshot } = await import("@headwater/core/engine")
  const { walk } = Snapshot.prototype
  let entries = 0
  Snapshot.prototype.walk = function (request) {
    const result = walk.call(this, request)
    if (request.since === 0) entries += result.entries
    return result
  }
  return () => entries
}
