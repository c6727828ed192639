import type { SyncErrorCode } from "@headwater/core"
import type { ResetReason } from "@headwater/protocol"
import { Histogram } from "./histogram.ts"
import type { ReaderPolicy, StreamEndReason, WriteResult } from "./hub-observer.ts"
import { Tally } from "./tally.ts"

/** Upper bounds of the buckets of write latencies, in seconds. */
const WRITE_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

/** The counters of one topic, since it was opened. Plain numbers, which only grow. */
export class TopicCounts {
  readonly streams = new Tally<{ policy: ReaderPolicy }>([
    { policy: "conflate" },
    { policy: "disconnect" },
  ])
  readonly streamEnds = new Tally<{ reason: StreamEndReason }>()
  readonly resets = new Tally<{ reason: ResetReason }>([
    { reason: "epoch-changed" },
    { reason: "compacted" },
    { reason: "ahead" },
    { reason: "view-changed" },
  ])
  readonly encodes = new Tally<{ kind: FrameKind }>([{ kind: "snapshot" }, { kind: "delta" }])
  readonly encodedBytes = new Tally<{ kind: FrameKind }>([{ kind: "snapshot" }, { kind: "delta" }])
  readonly writes = new Tally<{ result: WriteResult }>([
    { result: "written" },
    { result: "conflict" },
    { result: "failed" },
    { result: "unknown" },
  ])
  readonly writeSeconds = new Histogram(WRITE_SECONDS)
  readonly sourceFailures = new Tally<{ code: SyncErrorCode }>([{ code: "ERR_SOURCE_FAILED" }])
  conflations = 0
  snapshotsBuilt = 0
  snapshotsShared = 0
  blockingGets = 0
  /** Those that wait now. */
  blockingGetsOpen = 0
  changesWritten = 0
  updatesApplied = 0
  lists = 0
  listSeconds = 0
  watches = 0
  epochs = 0
  memoryFull = 0
}

type FrameKind = "snapshot" | "delta"
