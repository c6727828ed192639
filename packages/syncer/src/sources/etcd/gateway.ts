import {
  type Clock,
  ClosedError,
  FrameError,
  LinkedAbort,
  OutcomeUnknownError,
  SourceError,
  ValueError,
} from "@headwater/core"
import { Endpoints } from "../endpoints.ts"
import { readSecret, type Secret } from "../secret.ts"
import { CallFailure, failureOfAnswer, failureOfFetch, sourceErrorOf } from "./call-failure.ts"

/** The addresses of an etcd, and the credentials for it. */
export interface GatewayOptions {
  /** `http://HOST:PORT`, one or more members of one cluster. */
  readonly endpoints: readonly string[]
  readonly username?: string
  readonly password?: Secret
  readonly fetch?: typeof fetch
  readonly clock: Clock
}

/** etcd gives up after 7 s itself; a proxy in between may be slower to say so. */
const CALL_MS = 10_000

/**
 * etcd's v3 JSON gateway over `fetch`.
 *
 * Speaks to one endpoint until that fails, then to the next. A read is tried at each; a write at
 * another one only when it was certainly never sent. With a user name, a token is asked for, kept
 * until it is refused, and asked for again, with the password as it is then.
 *
 * Source: etcd's api/etcdserverpb/rpc.proto, and its gRPC gateway's JSON mapping: bytes are base64,
 * 64-bit integers strings, zero values left out.
 *
 * Decision: docs/decisions/sources.md, “The hub talks to etcd by its JSON gateway”.
 */
export class Gateway {
  readonly #options: GatewayOptions
  readonly #fetch: typeof fetch
  readonly #closing = new AbortController()
  readonly #endpoints: Endpoints
  #token: Promise<string> | undefined
  #open = 0

  constructor(options: GatewayOptions) {
    this.#options = options
    this.#endpoints = new Endpoints(options.endpoints)
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init))
  }

  /** Requests without an answer yet, and streams that are being read. */
  get open(): number {
    return this.#open
  }

  /** @throws {SourceError} no endpoint answers it. */
  read<Answer>(path: string, body: object, signal: AbortSignal): Promise<Answer> {
    return this.readBy<Answer>(parsed, { path, body }, signal)
  }

  /**
   * As `read`, with an answer that is more than one piece of JSON.
   *
   * @param use reads it; what it throws is a failure of the call.
   * @param request.timeoutMs until `use` is done, or has heard something, from then on again; as
   *   long as for any call by default.
   */
  async readBy<Answer>(
    use: Use<Answer>,
    request: { readonly path: string; readonly body: object; readonly timeoutMs?: number },
    signal: AbortSignal,
  ): Promise<Answer> {
    const question = { ...request, ...readingOf(request.body) }
    try {
      return await this.#tryEach(
        signal,
        () => true,
        (endpoint) => this.#call(endpoint, question, signal, use),
      )
    } catch (error) {
      throw error instanceof CallFailure ? sourceErrorOf(error) : error
    }
  }

  /**
   * @throws {SourceError} it was refused: nothing was written.
   * @throws {OutcomeUnknownError} it may have been written.
   */
  async write<Answer>(path: string, body: object, signal: AbortSignal): Promise<Answer> {
    const unsent = (failure: CallFailure) => failure.kind === "unsent"
    try {
      return await this.#tryEach(signal, unsent, (endpoint) =>
        this.#call(endpoint, { path, body: JSON.stringify(body) }, signal, parsed<Answer>),
      )
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error
      const { message } = error
      if (error.kind === "unclear") throw new OutcomeUnknownError(message, { cause: error })
      if (error.tooLarge) throw new ValueError(message, "ERR_TOO_LARGE", { cause: error })
      throw new SourceError(message, { cause: error })
    }
  }

  /**
   * Opens a stream of answers to several requests, and yields what `use` makes of its body. The
   * stream is closed when `use` ends, in whatever way.
   *
   * @throws {SourceError} no endpoint opens it, or it broke.
   */
  async *stream<Item>(
    path: string,
    requests: readonly object[],
    signal: AbortSignal,
    use: (body: ReadableStream<Uint8Array>) => AsyncGenerator<Item>,
  ): AsyncGenerator<Item> {
    const link = new LinkedAbort(signal, this.#closing.signal)
    const question = { path, ...readingOf(...requests) }
    this.#open += 1
    try {
      const response = await this.#tryEach(
        link.signal,
        () => true,
        (endpoint) => this.#openAt(endpoint, question, link.signal),
      )
      yield* use(response.body as ReadableStream<Uint8Array>)
    } catch (error) {
      this.#throwIfEnded(signal)
      // Of a line that is too long: the caller may ask for shorter ones.
      if (error instanceof FrameError) throw new SourceError(error.message, { cause: error })
      throw sourceErrorOf(failureOfFetch(error))
    } finally {
      link.abort()
      this.#open -= 1
    }
  }

  /** Ends everything that is open. Calls after it reject. */
  close(): void {
    this.#closing.abort()
  }

  // What is opened here stays linked to the stream's own signal, which ends with it.
  async #openAt(endpoint: string, question: Question, signal: AbortSignal): Promise<Response> {
    const link = new LinkedAbort(signal)
    const cancel = this.#options.clock.after(CALL_MS, () => link.abort(tooLate(CALL_MS)))
    try {
      const response = await this.#post(endpoint, question, link.signal)
      if (!response.ok) throw failureOfAnswer(response.status, await response.text())
      return response
    } catch (error) {
      link.unlink()
      throw failureOfFetch(error)
    } finally {
      cancel()
    }
  }

  #tryEach<T>(
    signal: AbortSignal,
    mayRetry: (failure: CallFailure) => boolean,
    attempt: (endpoint: string) => Promise<T>,
  ): Promise<T> {
    const judge = (error: unknown) => {
      if (!(error instanceof CallFailure) || error.kind === "refused") return "answered"
      return mayRetry(error) ? "retry" : "away"
    }
    return this.#endpoints.tryEach((url) => this.#withToken(signal, () => attempt(url)), judge)
  }

  // Once more with another token, where the first is no longer good.
  async #withToken<T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
    for (let renewed = false; ; renewed = true) {
      this.#throwIfEnded(signal)
      const token = this.#token
      try {
        return await attempt()
      } catch (error) {
        this.#throwIfEnded(signal)
        const isRefused = error instanceof CallFailure && error.tokenRefused
        if (!isRefused || this.#token === undefined || renewed) throw error
        // Unless another call renewed it meanwhile.
        if (token === undefined || token === this.#token) this.#token = undefined
      }
    }
  }

  async #call<T>(
    endpoint: string,
    question: Question,
    signal: AbortSignal,
    use: Use<T>,
  ): Promise<T> {
    this.#open += 1
    try {
      return await this.#withDeadline(signal, question.timeoutMs, async (both, heard) => {
        const response = await this.#post(endpoint, question, both)
        if (!response.ok) throw failureOfAnswer(response.status, await response.text())
        return await use(response, both, heard)
      })
    } finally {
      this.#open -= 1
    }
  }

  async #post(
    endpoint: string,
    { path, body, headers: own }: Question,
    signal: AbortSignal,
  ): Promise<Response> {
    const headers: Record<string, string> = { "content-type": "application/json", ...own }
    if (this.#options.username !== undefined)
      headers.authorization = await this.#tokenFrom(endpoint)
    return this.#fetch(endpoint + path, {
      method: "POST",
      headers,
      body,
      signal,
      redirect: "error",
    })
  }

  #tokenFrom(endpoint: string): Promise<string> {
    this.#token ??= this.#authenticate(endpoint).catch((error: CallFailure) => {
      this.#token = undefined
      // What comes with the token was not sent.
      const { kind, message } = error
      throw kind === "unclear" ? new CallFailure("unsent", message, { cause: error }) : error
    })
    return this.#token
  }

  // Shared by all calls that need it, so that no one caller's signal ends it.
  #authenticate(endpoint: string): Promise<string> {
    const { username } = this.#options
    return this.#withDeadline(this.#closing.signal, CALL_MS, async (signal) => {
      const password = await this.#readPassword()
      const response = await this.#fetch(`${endpoint}/v3/auth/authenticate`, {
        method: "POST",
        body: JSON.stringify({ name: username, password }),
        redirect: "error",
        signal,
      })
      const text = await response.text()
      if (!response.ok) throw failureOfAnswer(response.status, text)
      return (JSON.parse(text) as { token: string }).token
    })
  }

  // For each token anew: it may have been renewed since the one before.
  async #readPassword(): Promise<string> {
    try {
      return await readSecret(this.#options.password ?? "")
    } catch (error) {
      throw new CallFailure("unsent", `no password for etcd: ${messageOf(error)}`, { cause: error })
    }
  }

  /** Every failure of `ask` comes out as a `CallFailure`. */
  async #withDeadline<T>(
    signal: AbortSignal,
    timeoutMs = CALL_MS,
    ask: (signal: AbortSignal, heard: () => void) => Promise<T>,
  ): Promise<T> {
    const link = new LinkedAbort(signal, this.#closing.signal)
    let cancel = () => {}
    const arm = () => {
      cancel()
      cancel = this.#options.clock.after(timeoutMs, () => link.abort(tooLate(timeoutMs)))
    }
    arm()
    try {
      return await ask(link.signal, arm)
    } catch (error) {
      throw failureOfFetch(error)
    } finally {
      cancel()
      link.unlink()
    }
  }

  #throwIfEnded(signal: AbortSignal): void {
    signal.throwIfAborted()
    if (this.#closing.signal.aborted) throw new ClosedError("shutdown")
  }
}

/** Reads an answer until the signal is aborted, and says when it has heard some of it. */
type Use<Answer> = (response: Response, signal: AbortSignal, heard: () => void) => Promise<Answer>

interface Question {
  readonly path: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
}

/**
 * A question that only a member with a leader answers, and goes on answering: one that was cut off
 * from the others would else let a read wait for 7 s, and tell a watch for ever that nothing
 * happens. Not so a write: to that, etcd's own wait for the next leader is better than a refusal.
 */
function readingOf(...requests: readonly object[]): Omit<Question, "path"> {
  const body = requests.map((request) => JSON.stringify(request)).join("\n")
  return { body, headers: { "grpc-metadata-hasleader": "true" } }
}

async function parsed<Answer>(response: Response): Promise<Answer> {
  return JSON.parse(await response.text()) as Answer
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function tooLate(timeoutMs: number): CallFailure {
  return new CallFailure("unclear", `etcd did not answer within ${timeoutMs} ms`)
}
