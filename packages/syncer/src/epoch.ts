import type { Revision } from "@headwater/core"

/** One epoch of a source, as one topic shows it. */
export interface SourceEpoch {
  readonly identity: string
  /**
   * Set when this hub saw the history of that identity go back, and always where the source is of
   * those that need an epoch for each hub; good on this hub alone.
   */
  readonly incarnation?: string
}

/** An epoch that is over, and how far it had come. */
export interface PastEpoch extends SourceEpoch {
  readonly reached: Revision
}

/** Lives remembered, the newest; a source does not change hands more often than that. */
const PAST_EPOCHS_MAX = 8

/**
 * The name of an epoch: the same for every hub that follows the same source with the same settings,
 * and another one for anything that may show other entries at the same revision.
 *
 * 16 hex digits: FNV-1a of 128 bits, folded to 64. Not a secret, and not made by adversaries: an
 * accident is all that it must outlast, and it stands in every id on the wire.
 *
 * @param salt what else decides what is shown: prefix, value kind, validator and its version;
 *   absent where the identity is itself an epoch, of entries that are shown as they are.
 */
export function epochOf(sourceEpoch: SourceEpoch, salt: string | undefined): string {
  if (salt === undefined && sourceEpoch.incarnation === undefined) return sourceEpoch.identity
  const text = JSON.stringify([sourceEpoch.identity, salt, sourceEpoch.incarnation ?? null])
  const hash = fnv1a128(new TextEncoder().encode(text))
  const folded = (hash >> 64n) ^ (hash & 0xffff_ffff_ffff_ffffn)
  return folded.toString(16).padStart(16, "0")
}

/** A random text for an epoch that only this hub has seen. */
export function incarnationOf(random: () => number): string {
  const digits = () => Math.floor(random() * 2 ** 32).toString(16)
  return `${digits()}-${digits()}`
}

/**
 * The epoch that `identity` at `revision` is: a known one that goes on, or a new one. A revision
 * below what that identity had reached says that its history went back.
 */
export function sourceEpochOf(
  identity: string,
  revision: Revision,
  past: readonly PastEpoch[],
  incarnation: string,
  epochPerHub = false,
): SourceEpoch {
  const known = past.find((sourceEpoch) => sourceEpoch.identity === identity)
  if (known === undefined) return epochPerHub ? { identity, incarnation } : { identity }
  if (revision < known.reached) return { identity, incarnation }
  return known.incarnation === undefined
    ? { identity }
    : { identity, incarnation: known.incarnation }
}

/** Remembers how far an epoch came, the newest first, one per identity. */
export function remember(past: readonly PastEpoch[], sourceEpoch: PastEpoch): readonly PastEpoch[] {
  const others = past.filter((other) => other.identity !== sourceEpoch.identity)
  return [sourceEpoch, ...others].slice(0, PAST_EPOCHS_MAX)
}

/** The epochs that a syncer knows, the newest of them by itself. */
export interface KnownEpochs {
  readonly sourceEpoch: SourceEpoch
  readonly past: readonly PastEpoch[]
}

/**
 * The part of an image beside the entries, for the hub that starts from it: the epochs that this
 * hub knew, by name, and the revision that each had reached. Without it a history that went back,
 * before the image or after it, would pass for one that goes on.
 */
export function memoOf({ sourceEpoch, past }: KnownEpochs): string {
  return JSON.stringify({ sourceEpoch, past })
}

/** The epochs of a memo. */
export function knownEpochsOf(memo: string): KnownEpochs {
  return JSON.parse(memo) as KnownEpochs
}

const FNV_OFFSET = 0x6c62272e07bb014262b821756295c58dn
const FNV_PRIME = (1n << 88n) + 0x13bn

function fnv1a128(bytes: Uint8Array): bigint {
  let hash = FNV_OFFSET
  for (const byte of bytes) hash = BigInt.asUintN(128, (hash ^ BigInt(byte)) * FNV_PRIME)
  return hash
}
