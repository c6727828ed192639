import type { Etcd } from "@headwater/testing/etcd"
import type { PackageChange } from "./change-round.ts"

/** The prefix of the packages in etcd, which the hub's topic mirrors. */
export const PREFIX = "/packages/"

/** etcd takes 128 operations in one transaction, by default. */
const OPERATIONS_MAX = 100

/** Transactions under way at once while the index is loaded; more are not faster. */
const LOADERS = 4

/**
 * Writes changes to etcd, a hundred a transaction. `onProgress` gets the number written so far.
 *
 * With `inOrder`, transactions run one after the other; otherwise a few run at once. Resolves with
 * the revision of the last one and their number.
 */
export async function writeChanges(
  etcd: Etcd,
  changes: readonly PackageChange[],
  { inOrder = true, onProgress = (_done: number) => {} } = {},
): Promise<{ readonly revision: number; readonly commits: number }> {
  const chunks = chunksOf(changes, OPERATIONS_MAX)
  let revision = 0
  let done = 0
  let next = 0
  const load = async () => {
    for (let chunk = chunks[next++]; chunk; chunk = chunks[next++]) {
      const written = await writeTogether(etcd, chunk)
      revision = Math.max(revision, written)
      done += chunk.length
      onProgress(done)
    }
  }
  await Promise.all(Array.from({ length: inOrder ? 1 : LOADERS }, load))
  return { revision, commits: chunks.length }
}

async function writeTogether(etcd: Etcd, changes: readonly PackageChange[]): Promise<number> {
  const answer = await etcd.call("/v3/kv/txn", { success: changes.map(toOperation) })
  return Number((answer as { header: { revision: string } }).header.revision)
}

function toOperation(change: PackageChange): object {
  if (change.op === "delete") return { requestDeleteRange: { key: base64(PREFIX + change.name) } }
  const { name, ...record } = change.record
  return { requestPut: { key: base64(PREFIX + name), value: base64(JSON.stringify(record)) } }
}

function chunksOf<Item>(items: readonly Item[], size: number): Item[][] {
  const chunks: Item[][] = []
  for (let at = 0; at < items.length; at += size) chunks.push(items.slice(at, at + size))
  return chunks
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64")
}
