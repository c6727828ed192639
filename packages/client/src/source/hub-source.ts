import {
  AccessError,
  booleanRule,
  type Clock,
  checkOptions,
  functionRule,
  LinkedAbort,
  type ListRequest,
  type OptionRules,
  oneOfRule,
  type Position,
  type Revision,
  required,
  type Source,
  SourceError,
  systemClock,
} from "@headwater/core"
import { streamPath, type ValueKind } from "@headwater/protocol"
import { clockRule, tokenRule, topicRule, urlRule } from "../hub-rules.ts"
import type { TokenSource } from "../link.ts"
import { failureOf, type HubContext, hubFrames, refusal } from "./hub-frames.ts"
import { hubList } from "./hub-list.ts"
import { hubWatch } from "./hub-watch.ts"
import { hubWrite } from "./hub-write.ts"

/** A topic of another hub, and the means to read it. */
export interface HubSourceOptions {
  /** The hub's address: `http://127.0.0.1:8080`. */
  readonly url: string | URL
  readonly topic: string
  /** The kind of the topic's values; `json` by default. Another kind there is refused. */
  readonly values?: ValueKind
  /** Writes are passed on to the hub. */
  readonly write?: boolean
  readonly token?: string | TokenSource | undefined
  readonly fetch?: typeof globalThis.fetch | undefined
  readonly clock?: Clock | undefined
}

/**
 * A topic of another hub as a source. Its epoch, revisions and digests are those of the hub, so a
 * reader may move between the two with its id.
 *
 * A hub merges commits for a slow reader, so a watch gives runs: `Commit.deltas`. A list is the
 * present state, proven by digest. The whole topic must be granted.
 *
 * @throws {OptionError} an option is unknown or senseless.
 */
export function hubSource(options: HubSourceOptions): Source {
  checkOptions("hubSource", options, RULES)
  return options.write ? new WritableHubSource(options) : new HubSource(options)
}

const RULES: OptionRules<HubSourceOptions> = {
  url: required(urlRule),
  topic: required(topicRule),
  values: oneOfRule("json", "text", "binary"),
  write: booleanRule,
  token: tokenRule,
  fetch: functionRule,
  clock: clockRule,
}

class HubSource implements Source {
  readonly namesEpochs = true
  readonly name: string
  protected readonly hub: HubContext
  protected readonly values: ValueKind
  readonly #closing = new AbortController()
  protected epoch: string | undefined

  constructor(options: HubSourceOptions) {
    const { topic, values = "json", token, clock = systemClock } = options
    const url = new URL(options.url)
    url.pathname = url.pathname.replace(/\/$/, "") + streamPath(topic).replace(/\/stream$/, "")
    url.search = ""
    this.name = `headwater+${url.protocol}//${url.host}/${topic}`
    this.values = values
    const headers = async (signal: AbortSignal): Promise<Record<string, string>> => {
      const text = typeof token === "function" ? await token(undefined, signal) : token
      return text ? { authorization: `Bearer ${text}` } : {}
    }
    this.hub = { url, headers, fetch: options.fetch ?? globalThis.fetch, clock }
  }

  async identity(signal: AbortSignal): Promise<string> {
    const { epoch } = await this.ask(signal)
    this.epoch = epoch
    return epoch
  }

  async revision(signal: AbortSignal): Promise<Revision> {
    return (await this.ask(signal)).revision
  }

  reaches = async (revision: Revision, signal: AbortSignal): Promise<boolean> => {
    const epoch = await this.#ownEpoch(signal)
    for await (const frame of this.frames(`${epoch}.${revision}`, signal)) {
      if (frame.type === "hello") return frame.resumed
      if (frame.type === "fault") break
    }
    throw new SourceError(`${this.name} has not reached revision ${revision} yet`)
  }

  async *list(request: ListRequest, signal: AbortSignal) {
    for await (const page of hubList(this.frames(undefined, signal), request)) {
      this.epoch = page.identity
      yield page
    }
  }

  async *watch(from: Revision, signal: AbortSignal) {
    const epoch = await this.#ownEpoch(signal)
    yield* hubWatch(this.frames(`${epoch}.${from - 1}`, signal), epoch, from - 1)
  }

  async close(): Promise<void> {
    this.#closing.abort(new SourceError(`${this.name} is closed`))
  }

  protected async *frames(since: string | undefined, signal: AbortSignal) {
    const either = new LinkedAbort(signal, this.#closing.signal)
    try {
      for await (const frame of hubFrames(this.hub, since, either.signal)) {
        if (frame.type === "hello") {
          this.#checkValues(frame.values)
          if (frame.view !== "") {
            const message = `${this.name} does not grant the whole topic: use a token that does`
            throw new AccessError(message, "ERR_FORBIDDEN")
          }
        }
        yield frame
      }
    } finally {
      either.unlink()
    }
  }

  /** Runs a task that ends with the caller's signal or with this source. */
  protected async within<Result>(
    signal: AbortSignal,
    task: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const either = new LinkedAbort(signal, this.#closing.signal)
    try {
      either.signal.throwIfAborted()
      return await task(either.signal)
    } finally {
      either.unlink()
    }
  }

  async #ownEpoch(signal: AbortSignal): Promise<string> {
    return this.epoch ?? (await this.identity(signal))
  }

  // A hub that has just begun may show the past: only an answer in sync is believed.
  protected ask(signal: AbortSignal): Promise<{ epoch: string; revision: Revision }> {
    return this.within(signal, (own) => this.#askWithin(own))
  }

  async #askWithin(signal: AbortSignal): Promise<{ epoch: string; revision: Revision }> {
    const { url, headers, fetch } = this.hub
    try {
      const response = await fetch(url, { headers: await headers(signal), signal })
      const text = await response.text()
      if (response.status !== 200) throw refusal(url, response.status, text)
      const { epoch, revision, values, status } = JSON.parse(text)
      this.#checkValues(values)
      if (typeof epoch !== "string" || status === "waiting" || status === "resyncing") {
        throw new SourceError(`${this.name} is ${status}, not in sync with its own source yet`)
      }
      return { epoch, revision }
    } catch (error) {
      throw failureOf(error, signal)
    }
  }

  #checkValues(values: unknown): void {
    if (values === this.values) return
    throw new SourceError(`${this.name} has ${values} values, not ${this.values}`)
  }
}

// A write through it counts as done, though the hub may show it a moment later.
class WritableHubSource extends HubSource {
  #written: Position | undefined

  override async revision(signal: AbortSignal): Promise<Revision> {
    const { epoch, revision } = await this.ask(signal)
    return this.#written?.epoch === epoch ? Math.max(revision, this.#written.revision) : revision
  }

  override async *list(request: ListRequest, signal: AbortSignal) {
    const atLeast = Math.max(request.atLeast ?? 0, this.#written?.revision ?? 0)
    const isExact = request.at !== undefined || this.#written?.epoch !== this.epoch
    yield* super.list(isExact ? request : { ...request, atLeast }, signal)
  }

  write: NonNullable<Source["write"]> = (request, signal) =>
    this.within(signal, async (own) => {
      const { outcome, position } = await hubWrite(
        { ...this.hub, values: this.values, atLeast: this.#written },
        request,
        own,
      )
      this.#written = position ?? this.#written
      return outcome
    })
}
