import type { OpenReaders } from "../event-stream/open-reader.ts"
import type { ReaderPhase } from "../event-stream/reader-state.ts"
import type { ReaderPolicy } from "../observe/hub-observer.ts"
import type { Topic } from "../topic.ts"

/** Readers that are looked at in one piece of work: a fraction of a millisecond. */
const READERS_AT_ONCE = 500

/** A reader is stalled when its connection has taken nothing for so long, in ms. */
const STALLED_MS = 1_000

const POLICIES: readonly ReaderPolicy[] = ["conflate", "disconnect"]
const PHASES = ["waiting", "catching-up", "queued", "proving", "live", "resting"] as const

/** Facts about the readers of one topic, as of a scrape. */
export interface ReaderFacts {
  readonly topic: string
  readonly counts: readonly {
    readonly policy: ReaderPolicy
    readonly state: ReaderPhase
    readonly readers: number
  }[]
  readonly stalled: number
  /** Of the reader that lags most. */
  readonly lagRevisionsMax: number
  readonly lagMsMax: number
  /** Totals since the topic was opened. */
  readonly framesSent: number
  readonly bytesSent: number
}

/** Looks at all readers of a topic, in slices, so that any number of them delays no delivery. */
export async function readerFactsOf(topic: Topic): Promise<ReaderFacts> {
  const { readers, fanOut } = topic
  const survey = new Survey(fanOut.clock.elapsed())
  const left = readers[Symbol.iterator]()
  let isDone = false
  while (!isDone) isDone = await fanOut.turns.run(() => survey.take(left, READERS_AT_ONCE))
  return survey.facts(topic.name, readers)
}

class Survey {
  readonly #now: number
  readonly #counts = new Map<string, number>()
  #stalled = 0
  #lagRevisionsMax = 0
  #lagMsMax = 0

  constructor(now: number) {
    this.#now = now
  }

  /** Looks at so many readers more. Returns true after the last. */
  take(readers: ReturnType<OpenReaders[typeof Symbol.iterator]>, most: number): boolean {
    for (let taken = 0; taken < most; taken++) {
      const { value: reader, done } = readers.next()
      if (done) return true
      const { policy, phase, stalledSince } = reader
      const key = `${policy} ${phase}`
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
      if (this.#now - (stalledSince ?? this.#now) >= STALLED_MS) this.#stalled++
      this.#lagRevisionsMax = Math.max(this.#lagRevisionsMax, reader.lagRevisions)
      this.#lagMsMax = Math.max(this.#lagMsMax, reader.lagMs)
      reader.noteSent()
    }
    return false
  }

  facts(topic: string, { framesSent, bytesSent }: OpenReaders): ReaderFacts {
    const counts = POLICIES.flatMap((policy) =>
      PHASES.map((state) => {
        const readers = this.#counts.get(`${policy} ${state}`) ?? 0
        return { policy, state, readers }
      }),
    )
    return {
      topic,
      counts,
      stalled: this.#stalled,
      lagRevisionsMax: this.#lagRevisionsMax,
      lagMsMax: this.#lagMsMax,
      framesSent,
      bytesSent,
    }
  }
}
