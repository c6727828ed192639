import type { SyncErrorCode } from "@headwater/core"
import type { HubObserver, RefusalEvent } from "./hub-observer.ts"
import { Tally } from "./tally.ts"
import { TopicCounts } from "./topic-counts.ts"

/**
 * The observer of every hub: counts its events in numbers that `/metrics` reads. Holds a fixed
 * number of counters for each topic, whether they are read or not.
 */
export class HubCounts implements Required<Omit<HubObserver, "onError" | "onAudit" | "onStatus">> {
  readonly refusals = new Tally<{ at: RefusalEvent["at"]; code: SyncErrorCode }>()
  drains = 0
  readonly #topics = new Map<string, TopicCounts>()

  /** Returns the counters of a topic, which begin at its first event or at this call. */
  topic(name: string): TopicCounts {
    let counts = this.#topics.get(name)
    if (counts === undefined) {
      counts = new TopicCounts()
      this.#topics.set(name, counts)
    }
    return counts
  }

  onRefusal: NonNullable<HubObserver["onRefusal"]> = ({ at, code }) => {
    this.refusals.add({ at, code })
  }

  onDrain: NonNullable<HubObserver["onDrain"]> = ({ state }) => {
    if (state === "begun") this.drains++
  }

  onWrite: NonNullable<HubObserver["onWrite"]> = ({ topic, result, changes, durationMs }) => {
    const counts = this.topic(topic)
    counts.writes.add({ result })
    counts.writeSeconds.observe(durationMs / 1_000)
    if (result === "written") counts.changesWritten += changes
  }

  onBlockingGet: NonNullable<HubObserver["onBlockingGet"]> = ({ topic, change }) => {
    const counts = this.topic(topic)
    counts.blockingGetsOpen += change
    if (change > 0) counts.blockingGets++
  }

  onStream: NonNullable<HubObserver["onStream"]> = ({ topic, policy }) => {
    this.topic(topic).streams.add({ policy })
  }

  onStreamEnd: NonNullable<HubObserver["onStreamEnd"]> = ({ topic, reason }) => {
    this.topic(topic).streamEnds.add({ reason })
  }

  onReset: NonNullable<HubObserver["onReset"]> = ({ topic, reason }) => {
    this.topic(topic).resets.add({ reason })
  }

  onConflation: NonNullable<HubObserver["onConflation"]> = ({ topic }) => {
    this.topic(topic).conflations++
  }

  onEncode: NonNullable<HubObserver["onEncode"]> = ({ topic, kind, bytes }) => {
    const counts = this.topic(topic)
    counts.encodes.add({ kind })
    counts.encodedBytes.add({ kind }, bytes)
  }

  onSnapshot: NonNullable<HubObserver["onSnapshot"]> = ({ topic, isShared }) => {
    const counts = this.topic(topic)
    if (isShared) counts.snapshotsShared++
    else counts.snapshotsBuilt++
  }

  onApply: NonNullable<HubObserver["onApply"]> = ({ topic, updates }) => {
    this.topic(topic).updatesApplied += updates
  }

  onResync: NonNullable<HubObserver["onResync"]> = ({ topic, durationMs }) => {
    const counts = this.topic(topic)
    counts.lists++
    counts.listSeconds += durationMs / 1_000
  }

  onWatch: NonNullable<HubObserver["onWatch"]> = ({ topic }) => {
    this.topic(topic).watches++
  }

  onSourceFailure: NonNullable<HubObserver["onSourceFailure"]> = ({ topic, code }) => {
    this.topic(topic).sourceFailures.add({ code })
  }

  onEpoch: NonNullable<HubObserver["onEpoch"]> = ({ topic }) => {
    this.topic(topic).epochs++
  }

  onMemoryFull: NonNullable<HubObserver["onMemoryFull"]> = ({ topic }) => {
    this.topic(topic).memoryFull++
  }

  onTopicEnd: NonNullable<HubObserver["onTopicEnd"]> = ({ topic }) => {
    this.#topics.delete(topic)
  }
}
