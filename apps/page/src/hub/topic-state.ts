import type { TopicValues } from "../value/preview.ts"

/** A topic as `GET /v1/topics` describes it. A partial grant hides some of the numbers. */
export interface TopicState {
  readonly topic: string
  /** The kind of source, such as `etcd`; absent where the hub does not name it. */
  readonly source?: string
  readonly values: TopicValues
  readonly epoch: string | null
  readonly revision: number | null
  readonly position: string | null
  readonly entries?: number | null
  readonly bytes?: number | null
  readonly digest?: string | null
  readonly status: "waiting" | "resyncing" | "in-sync" | "stale"
  readonly statusSince: string
  readonly lastContact: string | null
  readonly code?: string
  readonly invalid?: number
  readonly invalidSample?: readonly { readonly key: string; readonly reason: string }[]
  readonly oldestPosition: string | null
  readonly subscribers?: number
  readonly writable: boolean
}
