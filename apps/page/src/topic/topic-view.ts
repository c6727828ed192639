import type { ReplicaEntry } from "@headwater/client"
import type { ReadonlySignal } from "@preact/signals"
import type { TopicValues } from "../value/preview.ts"
import type { KeyIndex } from "./key-index.ts"

/** The entries of a topic that the page holds: all of them in a replica, or a part. */
export interface TopicView {
  readonly topic: string
  readonly values: TopicValues
  readonly index: KeyIndex
  /** Grows at most once a frame, when anything that is shown may have changed. */
  readonly version: ReadonlySignal<number>
  /** True once the first entries are here. */
  readonly isLoaded: boolean
  /** The entry under a key, where the page holds it. */
  entry(key: string): ReplicaEntry | undefined
  /** True for a key that changed within the last second. */
  isFresh(key: string): boolean
  close(): void
}
