import type { Change, Source } from "@headwater/core"
import { type MemorySource, memorySource } from "@headwater/syncer/memory"
import { ManualClock, prng } from "@headwater/testing"
import { Access, type AccessOptions } from "../../src/access/access.ts"
import type { DrainPlan } from "../../src/drain/drain-state.ts"

import type { Reader } from "../../src/event-stream/reader.ts"
import { createApp } from "../../src/http/app.ts"
import { createHub, type Hub } from "../../src/hub.ts"
import type { HubLimits } from "../../src/limits.ts"
import type { HubObserver } from "../../src/observe/hub-observer.ts"
import type { Topic, TopicOptions } from "../../src/topic.ts"
import type { ModelReplica } from "./model-replica.ts"
import { StreamReader } from "./stream-reader.ts"

/**
 * A hub with one topic `t`, read without a network, on a clock that the test moves. After `settle`,
 * writes have arrived and readers are woken.
 */
export class LocalHub {
  readonly clock = new ManualClock()
  readonly source: MemorySource
  readonly hub: Hub
  readonly topic: Topic
  readonly log: string[] = []
  readonly access: Access
  readonly #app
  readonly #streams: StreamReader[] = []
  readonly #readers: Reader[] = []

  constructor(
    options: {
      readonly limits?: Partial<HubLimits>
      readonly observer?: HubObserver
      readonly topic?: Partial<TopicOptions>
      readonly drain?: Partial<DrainPlan>
      readonly entries?: Iterable<readonly [string, Uint8Array]>
      /** Returns the source that the hub reads, in place of the memory source itself. */
      readonly through?: (source: MemorySource) => Source
      /** Access of clients; every client may write unless given. */
      readonly access?: Omit<AccessOptions, "clock" | "report">
    } = {},
  ) {
    this.source = memorySource({ entries: options.entries ?? [] })
    const source = options.through?.(this.source) ?? this.source
    this.hub = createHub({
      topics: [{ name: "t", source, ...options.topic }],
      clock: this.clock,
      random: prng(1),
      limits: options.limits ?? {},
      ...(options.observer && { observer: options.observer }),
      ...(options.drain && { drain: options.drain }),
      log: (line, fields) => this.log.push(`${line} ${JSON.stringify(fields, withErrors)}`),
    })
    this.topic = this.hub.topic("t")
    const makeReader = this.topic.reader.bind(this.topic)
    this.topic.reader = (request) => {
      const reader = makeReader(request)
      this.#readers.push(reader)
      return reader
    }
    const report = (error: unknown) => this.log.push(`a request failed ${error}`)
    this.access = new Access({
      clock: this.clock,
      report,
      ...(options.access ?? { anonymous: { "*": { read: true, write: true } } }),
    })
    this.#app = createApp(this.hub, { access: this.access })
  }

  /** @throws an invariant error: a reader of the hub is in no state that it can be in. */
  assertInvariants(): void {
    for (const reader of this.#readers) reader.assertInvariants()
  }

  /** Lets everything happen that needs no time. */
  settle(): Promise<void> {
    return this.clock.settle()
  }

  /** Writes in one commit: JSON values, `undefined` for a delete. Returns the revision. */
  async write(changes: Record<string, unknown>): Promise<number> {
    const outcome = await this.source.write(
      {
        conditions: [],
        changes: Object.entries(changes).map(
          ([key, value]): Change =>
            value === undefined ? { op: "delete", key } : { op: "put", key, value: json(value) },
        ),
      },
      new AbortController().signal,
    )
    await this.settle()
    return outcome.written ? outcome.revision : 0
  }

  async ask(path: string, init?: RequestInit): Promise<Response> {
    // As from this machine: operators' resources answer.
    return this.#app.request(`http://127.0.0.1${path}`, init, { peerAddress: "127.0.0.1" })
  }

  /** Opens a stream. `replica`: of the reader who comes back. */
  async stream(
    query = "",
    headers: Record<string, string> = {},
    replica?: ModelReplica,
  ): Promise<StreamReader> {
    const response = await this.ask(`/v1/topics/t/stream?${query}`, { headers })
    if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`)
    const stream = new StreamReader(response, new AbortController(), replica)
    this.#streams.push(stream)
    return stream
  }

  /** Closes the streams, then the hub; returns what went wrong, and what is left. */
  async close(): Promise<string[]> {
    for (const stream of this.#streams) await stream.close()
    await this.settle()
    const { fanOut } = this.topic
    const left = [
      ...this.log.filter((line) => /(stream|request|syncer|fan-out|status) failed/.test(line)),
      ...(this.hub.streams.size > 0 ? [`${this.hub.streams.size} streams`] : []),
      ...(fanOut.followers > 0 ? [`${fanOut.followers} followers`] : []),
    ]
    const closing = this.hub.close(0)
    await this.clock.advance(1_000)
    await closing
    if (fanOut.leases.size > 0) left.push(`${fanOut.leases.size} leases`)
    if (fanOut.frames.bytes > 0) left.push(`${fanOut.frames.bytes} bytes of frames`)
    if (this.clock.timers > 0) left.push(`${this.clock.timers} timers`)
    return left
  }
}

/** A JSON value as bytes. */
export function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}

function withErrors(_name: string, value: unknown): unknown {
  return value instanceof Error ? String(value.stack) : value
}
