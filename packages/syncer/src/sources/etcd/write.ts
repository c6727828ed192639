import {
  type Change,
  type Condition,
  encodeBase64,
  type WriteOutcome,
  type WriteRequest,
} from "@headwater/core"
import { checkWrite } from "../check-write.ts"
import type { Gateway } from "./gateway.ts"
import type { KeySpace } from "./key-space.ts"
import { type LeaseAnswer, revisionOf, type TxnAnswer } from "./messages.ts"

/**
 * Writes in one transaction, all or nothing; see `Source.write`. etcd takes 128 changes.
 *
 * @param lease what is put lives as long as that.
 */
export async function writeEtcd(
  gateway: Gateway,
  keys: KeySpace,
  request: WriteRequest,
  signal: AbortSignal,
  lease?: string,
): Promise<WriteOutcome> {
  const { conditions, changes } = checkWrite(request)
  const txn = {
    compare: conditions.map((condition) => comparisonOf(keys, condition)),
    success: changes.map((change) => operationOf(keys, change, lease)),
    failure: conditions.map(({ key }) => ({
      request_range: { key: keys.name(key), keys_only: true },
    })),
  }
  const answer = await gateway.write<TxnAnswer>("/v3/kv/txn", txn, signal)
  if (answer.succeeded) return { written: true, revision: revisionOf(answer.header.revision) }
  const present = conditions.map(({ key }, index) => {
    const entry = answer.responses?.[index]?.response_range?.kvs?.[0]
    return { key, revision: revisionOf(entry?.mod_revision) }
  })
  const failed = present.filter(({ revision }, index) => !holds(conditions[index], revision))
  return { written: false, failed }
}

/**
 * Writes with a lease of its own, so that what is put is deleted when the time is up. A write whose
 * conditions failed gives the lease back.
 *
 * @param ttlMs rounded up to whole seconds; etcd itself may take the longest of its elections more.
 */
export async function writeWithTtl(
  gateway: Gateway,
  keys: KeySpace,
  request: WriteRequest,
  ttlMs: number,
  signal: AbortSignal,
): Promise<WriteOutcome> {
  checkWrite(request)
  const grant = { TTL: String(Math.max(1, Math.ceil(ttlMs / 1_000))) }
  const { ID } = await gateway.write<LeaseAnswer>("/v3/lease/grant", grant, signal)
  const outcome = await writeEtcd(gateway, keys, request, signal, ID)
  if (!outcome.written) await gateway.write("/v3/lease/revoke", { ID }, signal)
  return outcome
}

function comparisonOf(keys: KeySpace, condition: Condition): object {
  const key = keys.name(condition.key)
  if ("exists" in condition) {
    return { key, target: "CREATE", result: "GREATER", create_revision: "0" }
  }
  return { key, target: "MOD", result: "EQUAL", mod_revision: String(condition.revision) }
}

function operationOf(keys: KeySpace, change: Change, lease = "0"): object {
  const key = keys.name(change.key)
  return change.op === "put"
    ? { request_put: { key, value: encodeBase64(change.value), lease } }
    : { request_delete_range: { key } }
}

function holds(condition: Condition | undefined, revision: number): boolean {
  if (condition === undefined) return false
  return "exists" in condition ? revision > 0 : revision === condition.revision
}
