import { encodeUtf8 } from "@headwater/core"
import type { Place } from "@headwater/core/engine"
import { formatPosition, formatStreamId, type GrantedFilter } from "@headwater/protocol"
import { type Session, type SessionEnd, SessionEndedError } from "../access/session.ts"
import type { Continuation } from "../continuations.ts"
import type { View } from "../fan-out/view.ts"
import type { Topic } from "../topic.ts"

/** The entries that a list holds, and its format. */
export interface EntryList {
  readonly prefix: string
  /** The prefix, cut to what the client may read. */
  readonly filter: GrantedFilter
  /** The list ends with it, and its next page belongs to it. */
  readonly session: Pick<Session, "hold" | "owner">
  /** The end of an earlier page; the list begins there. */
  readonly from?: Continuation | undefined
  /** The most entries; all when absent. */
  readonly limit?: number | undefined
  /** Writes one entry a line, `application/x-ndjson`, rather than one JSON object. */
  readonly lines: boolean
}

/**
 * Returns the body of a list. It is made slice by slice while the client reads, from one pinned
 * snapshot, so that it is consistent however long it takes.
 *
 * The snapshot is released when the client reads nothing for `listLeaseMs`; the body then breaks
 * off. The topic must have a state.
 */
export function listBody(topic: Topic, request: EntryList): ReadableStream<Uint8Array> {
  const list = new ListWriter(topic, request)
  return new ReadableStream(
    {
      start(controller) {
        controller.enqueue(list.head())
        const end = (why: SessionEnd) => {
          list.close()
          controller.error(new SessionEndedError(why))
        }
        list.onClose(request.session.hold({ end }))
      },
      async pull(controller) {
        try {
          let chunk: Uint8Array | undefined
          while (chunk === undefined) chunk = await topic.fanOut.turns.run(() => list.slice())
          if (chunk.length > 0) controller.enqueue(chunk)
          if (!list.isEnded) return
          controller.enqueue(list.tail())
          controller.close()
          list.close()
        } catch (error) {
          list.close()
          controller.error(error)
        }
      },
      cancel: () => list.close(),
    },
    { highWaterMark: 0 },
  )
}

const COMMA = 0x2c
const LINE_FEED = 0x0a

/**
 * The fewest trie leaves that one slice visits. A slice meets at most one entry a visit, so a list
 * that needs fewer entries than this takes them one by one, and never one too many.
 */
const VISITS_MIN = 256

/** The most entries that one slice takes one by one. */
const SINGLES_MAX = 32

// Walks one pinned snapshot, and writes its entries as JSON.
class ListWriter {
  readonly #topic: Topic
  readonly #request: EntryList
  readonly #page: Pick<Continuation, "pinned" | "position">
  readonly #view: View
  readonly #lease
  readonly #release: () => void
  #releaseSession = () => {}
  #after: Place | undefined
  #entries = 0
  #isEnded = false
  #next: string | undefined

  constructor(topic: Topic, request: EntryList) {
    const { fanOut, values } = topic
    const views = fanOut.views!
    this.#topic = topic
    this.#request = request
    this.#page = request.from ?? fanOut.current!
    this.#after = request.from?.after
    this.#view = views.retain({ ...request.filter, values })
    this.#lease = fanOut.leases.grant(this.#page.pinned, fanOut.limits.listLeaseMs)
    let isRetained = true
    this.#release = () => {
      if (isRetained) views.release(this.#view)
      isRetained = false
    }
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  head(): Uint8Array {
    const { epoch, revision } = this.#page.position
    const position = formatPosition(this.#page.position)
    const { id: view } = this.#view
    const id = view === "" ? {} : { id: formatStreamId({ epoch, revision, view }) }
    const head = JSON.stringify({ topic: this.#topic.name, epoch, revision, position, ...id })
    return encodeUtf8(this.#request.lines ? `${head}\n` : `${head.slice(0, -1)},"entries":[`)
  }

  tail(): Uint8Array {
    const next = this.#next === undefined ? "" : `,"next":${JSON.stringify(this.#next)}`
    if (!this.#request.lines) return encodeUtf8(`]${next}}\n`)
    return encodeUtf8(`{"end":true,"entries":${this.#entries}${next}}\n`)
  }

  /** Returns the next entries; `undefined` when this slice met none. */
  slice(): Uint8Array | undefined {
    const left = (this.#request.limit ?? Number.POSITIVE_INFINITY) - this.#entries
    if (left <= 0) return this.#lookAhead()
    if (left >= VISITS_MIN) {
      const { visitsMax, frameBytesMax } = this.#topic.fanOut.limits
      return this.#take(frameBytesMax, Math.min(visitsMax, left))
    }
    const singles: Uint8Array[] = []
    while (singles.length < Math.min(left, SINGLES_MAX) && !this.#isEnded) {
      const single = this.#take(1)
      if (single === undefined) break
      singles.push(single)
    }
    return singles.length > 0 || this.#isEnded ? joined(singles) : undefined
  }

  /** Takes a function that is called when the list ends. */
  onClose(release: () => void): void {
    this.#releaseSession = release
  }

  /** Releases the snapshot and the view. May be called twice. */
  close(): void {
    this.#lease.end()
    this.#release()
    this.#releaseSession()
  }

  // One step of the walk, in the format that the client asked for.
  #take(bytesMax: number, visitsMax?: number): Uint8Array | undefined {
    const { body, entries, ended, place } = this.#walk(bytesMax, visitsMax)
    this.#after = place
    this.#isEnded = ended
    if (entries === 0) return ended ? new Uint8Array() : undefined
    const { lines } = this.#request
    const isFirst = this.#entries === 0
    this.#entries += entries
    const [before, after] = [lines || isFirst ? 0 : 1, lines ? 1 : 0]
    const bytes = new Uint8Array(before + body.length + after)
    bytes.set(body, before)
    if (before > 0) bytes[0] = COMMA
    if (!lines) return bytes
    bytes[bytes.length - 1] = LINE_FEED
    breakLines(bytes)
    return bytes
  }

  // The page is full: looks for one more entry, and if there is one, keeps a continuation.
  #lookAhead(): Uint8Array | undefined {
    const { entries, ended, place } = this.#walk(1)
    if (entries === 0 && !ended) {
      this.#after = place
      return undefined
    }
    const { pinned, position } = this.#page
    const { prefix, session } = this.#request
    if (entries > 0) {
      const after = this.#after!
      const { owner } = session
      this.#next = this.#topic.continuations.keep({ pinned, position, prefix, owner, after })
    }
    this.#isEnded = true
    return new Uint8Array()
  }

  #walk(bytesMax: number, visitsMax = this.#topic.fanOut.limits.visitsMax) {
    const { pinned } = this.#lease
    if (pinned === undefined || this.#view.disposed)
      throw new Error("the client read nothing for listLeaseMs; the snapshot was released")
    this.#lease.renew()
    const { filter } = this.#view
    return pinned.snapshot.walk({
      since: 0,
      values: this.#topic.values,
      bytesMax,
      visitsMax,
      ...(this.#after && { after: this.#after }),
      ...(filter && { filter }),
    })
  }
}

// Puts each of some comma-joined JSON objects on a line of its own, in place.
function breakLines(bytes: Uint8Array): void {
  let depth = 0
  let isText = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === 0x5c) at += 1
    else if (byte === 0x22) isText = !isText
    else if (isText) continue
    else if (byte === 0x7b || byte === 0x5b) depth += 1
    else if (byte === 0x7d || byte === 0x5d) depth -= 1
    else if (byte === COMMA && depth === 0) bytes[at] = LINE_FEED
  }
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}
