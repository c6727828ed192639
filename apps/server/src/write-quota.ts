import type { SnapshotCache } from "@headwater/cache"
import type { Change } from "@headwater/core"
import { QuotaError } from "./errors.ts"
import type { HubLimits } from "./limits.ts"

/** Keys of an identity that each of its writes looks up, to forget those that are gone. */
const LOOKUPS_MAX = 64

type Put = Extract<Change, { readonly op: "put" }>

/** The entries of one topic that one identity has written, as far as they are known to exist. */
interface Usage {
  /** The newest revision that a write of it got: what the cache shows before says nothing. */
  revision: number
  /** Sizes of entries by key; the key that was looked up last stands last. */
  readonly sizes: Map<string, number>
  bytes: number
}

/**
 * The share of one topic that clients may fill: entries and bytes of the topic, and of what each
 * identity has written since the hub has started. Deletes always pass.
 *
 * A write is checked before its source gets it, so writes that are on their way at once may pass a
 * bound together. An identity that overwrites an entry has it as well as the one before.
 */
export class WriteQuota {
  readonly #limits: HubLimits
  readonly #cache: SnapshotCache
  readonly #byIdentity = new Map<string, Usage>()

  constructor(limits: HubLimits, cache: SnapshotCache) {
    this.#limits = limits
    this.#cache = cache
  }

  /** @throws {QuotaError} the topic, or the identity, has no room for these changes. */
  check(changes: readonly Change[], identity: string | undefined): void {
    const puts = changes.filter((change): change is Put => change.op === "put")
    if (puts.length === 0) return
    this.#checkTopic(puts)
    if (identity !== undefined) this.#checkIdentity(puts, identity)
  }

  /** Notes that changes of an identity were written. */
  note(changes: readonly Change[], identity: string | undefined, revision: number): void {
    if (identity === undefined) return
    const usage = this.#byIdentity.get(identity) ?? noUsage()
    usage.revision = Math.max(usage.revision, revision)
    for (const change of changes) {
      forget(usage, change.key)
      if (change.op !== "put") continue
      const size = sizeOf(change)
      usage.sizes.set(change.key, size)
      usage.bytes += size
    }
    if (usage.sizes.size > 0) this.#byIdentity.set(identity, usage)
    else this.#byIdentity.delete(identity)
  }

  #checkTopic(puts: readonly Put[]): void {
    const { topicEntriesMax, topicBytesMax } = this.#limits
    const { current } = this.#cache
    if (current === undefined) return
    const { size, bytes } = current.snapshot
    const held = (key: string) => {
      const entry = this.#cache.get(key)
      return entry && sizeOf({ key, value: entry.value })
    }
    const growth = growthOf(puts, held, {
      entries: topicEntriesMax - size,
      bytes: topicBytesMax - bytes,
    })
    if (growth.entries > 0 && size + growth.entries > topicEntriesMax) {
      throw new QuotaError(`this topic holds at most ${topicEntriesMax} entries: delete some first`)
    }
    if (growth.bytes > 0 && bytes + growth.bytes > topicBytesMax) {
      throw new QuotaError(
        `this topic holds at most ${topicBytesMax} bytes of keys and values: delete some first`,
      )
    }
  }

  #checkIdentity(puts: readonly Put[], identity: string): void {
    const { identityEntriesMax, identityBytesMax } = this.#limits
    const usage = this.#byIdentity.get(identity) ?? noUsage()
    this.#forgetGone(usage)
    const growth = growthOf(puts, (key) => usage.sizes.get(key), {
      entries: identityEntriesMax - usage.sizes.size,
      bytes: identityBytesMax - usage.bytes,
    })
    if (growth.entries > 0 && usage.sizes.size + growth.entries > identityEntriesMax) {
      throw new QuotaError(
        `one identity may write at most ${identityEntriesMax} entries of a topic: ` +
          "delete some first",
      )
    }
    if (growth.bytes > 0 && usage.bytes + growth.bytes > identityBytesMax) {
      throw new QuotaError(
        `one identity may write at most ${identityBytesMax} bytes of keys and values of a topic: ` +
          "delete some first",
      )
    }
  }

  // Others delete entries, too. All keys come round, a few at each write.
  #forgetGone(usage: Usage): void {
    const { position, current } = this.#cache
    if (current === undefined || (position?.revision ?? 0) < usage.revision) return
    let lookups = 0
    for (const [key, size] of usage.sizes) {
      if (++lookups > LOOKUPS_MAX) return
      forget(usage, key)
      if (!current.snapshot.has(key)) continue
      usage.sizes.set(key, size)
      usage.bytes += size
    }
  }
}

function noUsage(): Usage {
  return { revision: 0, sizes: new Map(), bytes: 0 }
}

interface Amount {
  entries: number
  bytes: number
}

/**
 * Entries and bytes that puts add to what is held. While there is room for all of them as new
 * entries, nothing is looked up.
 */
function growthOf(
  puts: readonly Put[],
  held: (key: string) => number | undefined,
  room: Amount,
): Amount {
  const growth = { entries: puts.length, bytes: 0 }
  for (const put of puts) growth.bytes += sizeOf(put)
  if (growth.entries <= room.entries && growth.bytes <= room.bytes) return growth
  for (const { key } of puts) {
    const size = held(key)
    if (size === undefined) continue
    growth.entries -= 1
    growth.bytes -= size
  }
  return growth
}

function forget(usage: Usage, key: string): void {
  usage.bytes -= usage.sizes.get(key) ?? 0
  usage.sizes.delete(key)
}

// Keys are counted as they are stored, in UTF-8, to within their characters beyond ASCII.
function sizeOf({ key, value }: { readonly key: string; readonly value: Uint8Array }): number {
  return key.length + value.byteLength
}
