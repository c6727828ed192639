import {
  AccessError,
  type Clock,
  ClosedError,
  encodeBase64,
  encodeUtf8,
  LinkedAbort,
  SourceError,
} from "@headwater/core"
import { Endpoints } from "../endpoints.ts"
import { CallFailure, failureOfFetch, sourceErrorOf } from "../etcd/call-failure.ts"
import { readLines } from "../etcd/json-lines.ts"
import { readSecret, type Secret } from "../secret.ts"
import type { Answer, AnswerHead, ErrorMessage, EventMessage } from "./messages.ts"

/** The addresses of an etcd, and the credentials for it. */
export interface KeysApiOptions {
  /** `http://HOST:PORT`, one or more members of one cluster. */
  readonly endpoints: readonly string[]
  readonly username?: string
  readonly password?: Secret
  readonly fetch?: typeof fetch
  readonly clock: Clock
}

/** A recursive list of many keys is one answer, which takes etcd some seconds. */
const CALL_MS = 30_000

/** An event is one line; a value is at most 1.5 MiB by default, escaped, and stands twice. */
const LINE_CHARS_MAX = 32 * 1_048_576

/**
 * etcd's v2 keys API over `fetch`. Speaks to one endpoint until that fails, then to the next.
 *
 * Source: etcd's Documentation/v2/api.md.
 */
export class KeysApi {
  readonly #options: KeysApiOptions
  readonly #fetch: typeof fetch
  readonly #closing = new AbortController()
  readonly #endpoints: Endpoints
  #open = 0

  constructor(options: KeysApiOptions) {
    this.#options = options
    this.#endpoints = new Endpoints(options.endpoints)
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init))
  }

  /** Requests without an answer yet, and watches that are being read. */
  get open(): number {
    return this.#open
  }

  /** @throws {SourceError} no endpoint answers it. */
  async get(path: string, signal: AbortSignal): Promise<Answer> {
    const link = new LinkedAbort(signal, this.#closing.signal)
    this.#open += 1
    try {
      return await this.#tryEach(path, link.signal, async (response) => {
        const body = (await response.json()) as EventMessage | ErrorMessage
        return { ...headOf(response), body }
      })
    } catch (error) {
      this.#throwIfEnded(signal)
      throw sourceError(error)
    } finally {
      link.unlink()
      this.#open -= 1
    }
  }

  /**
   * Waits for events, and yields what `use` makes of the head, which comes at once, and of the line
   * of each event. The connection is closed when `use` ends, in whatever way.
   *
   * @throws {SourceError} no endpoint opens it, or it broke.
   */
  async *wait<Item>(
    path: string,
    signal: AbortSignal,
    use: (head: AnswerHead, lines: AsyncGenerator<string>) => AsyncGenerator<Item>,
  ): AsyncGenerator<Item> {
    const link = new LinkedAbort(signal, this.#closing.signal)
    this.#open += 1
    let body: ReadableStream<Uint8Array> | undefined
    try {
      const response = await this.#tryEach(path, link.signal, async (opened) => opened)
      body = response.body as ReadableStream<Uint8Array>
      yield* use(headOf(response), readLines(body, LINE_CHARS_MAX, link.signal))
    } catch (error) {
      this.#throwIfEnded(signal)
      throw sourceError(error)
    } finally {
      // Of which no line was read.
      if (body?.locked === false) await body.cancel().catch(() => {})
      link.abort()
      this.#open -= 1
    }
  }

  /** Ends everything that is open. Calls after it reject. */
  close(): void {
    this.#closing.abort()
  }

  // At each endpoint in turn: all of it is reading, which may be done twice.
  async #tryEach<T>(
    path: string,
    signal: AbortSignal,
    use: (response: Response) => Promise<T>,
  ): Promise<T> {
    return this.#endpoints.tryEach(
      async (endpoint) => {
        signal.throwIfAborted()
        return this.#ask(`${endpoint}${path}`, signal, use)
      },
      () => (signal.aborted ? "answered" : "retry"),
    )
  }

  // Under a deadline until `use` is done. What it leaves open stays linked to the call's own
  // signal, which ends with the call.
  async #ask<T>(
    url: string,
    signal: AbortSignal,
    use: (response: Response) => Promise<T>,
  ): Promise<T> {
    const link = new LinkedAbort(signal)
    const late = () => link.abort(new Error(`etcd did not answer within ${CALL_MS} ms`))
    const cancel = this.#options.clock.after(CALL_MS, late)
    try {
      const headers = await this.#headers()
      const init = { headers, signal: link.signal, redirect: "error" } as const
      const response = await this.#fetch(url, init)
      const { status } = response
      // A refusal of who asks has no index, which would be taken for a store that begins anew.
      const isRefused = status === 401 || status === 403 || status >= 500
      if (isRefused || response.headers.get("x-etcd-cluster-id") === null) {
        const text = (await response.text()).slice(0, MESSAGE_CHARS)
        throw sourceErrorOf(new CallFailure("refused", `etcd answered ${status}: ${text}`))
      }
      return await use(response)
    } finally {
      cancel()
    }
  }

  async #headers(): Promise<Record<string, string>> {
    const { username, password = "" } = this.#options
    if (username === undefined) return {}
    let given: string
    try {
      given = await readSecret(password)
    } catch (error) {
      const message = `no password for etcd: ${(error as Error).message}`
      throw new AccessError(message, "ERR_UNAUTHENTICATED", { cause: error })
    }
    return { authorization: `Basic ${encodeBase64(encodeUtf8(`${username}:${given}`))}` }
  }

  #throwIfEnded(signal: AbortSignal): void {
    signal.throwIfAborted()
    if (this.#closing.signal.aborted) throw new ClosedError("shutdown")
  }
}

const MESSAGE_CHARS = 300

function headOf({ headers }: Response): AnswerHead {
  return {
    index: Number(headers.get("x-etcd-index") ?? 0),
    clusterId: headers.get("x-etcd-cluster-id") ?? "",
  }
}

function sourceError(error: unknown): SourceError | AccessError {
  if (error instanceof SourceError || error instanceof AccessError) return error
  return sourceErrorOf(failureOfFetch(error))
}
