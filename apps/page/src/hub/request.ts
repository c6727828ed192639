import { isTokenAsked, token } from "./session.ts"

/** The hub's address: the page's script is at `assets/page.js` below it, wherever it is mounted. */
export const hubUrl = new URL("..", import.meta.url)

/** The longest wait for an answer, in ms. A hub answers within a few. */
const ANSWER_MS = 4_000

/** A request failed: without an answer (`status` 0), or by an answer that refuses. */
export class RequestFailure extends Error {
  override readonly name = "RequestFailure"
  /** The HTTP status; 0 where there was no answer. */
  readonly status: number
  /** The hub's code, such as `ERR_CONFLICT`. */
  readonly code: string
  /** The revision that the entry of a failed condition is at. */
  readonly revision: number | undefined

  constructor(message: string, status = 0, code = "", revision?: number) {
    super(message)
    this.status = status
    this.code = code
    this.revision = revision
  }
}

/** Options of a request, beside those of `fetch`. */
export interface RequestOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: BodyInit
  readonly answerMs?: number
  /** The page goes on without the answer: a 401 does not ask for a token. */
  readonly isOptional?: boolean
}

/**
 * Sends a request to the hub, with the token of the session.
 *
 * @param path below the hub's address, without a slash at the start.
 * @throws {RequestFailure} no answer, or one that is no success.
 */
export async function request(path: string, options: RequestOptions = {}): Promise<Response> {
  const { answerMs = ANSWER_MS, isOptional = false, headers, ...init } = options
  const own = token.value
  let response: Response
  try {
    response = await fetch(new URL(path, hubUrl), {
      ...init,
      headers: { ...headers, ...(own && { authorization: `Bearer ${own}` }) },
      cache: "no-store",
      signal: AbortSignal.timeout(answerMs),
    })
  } catch (error) {
    const isLate = (error as Error).name === "TimeoutError"
    throw new RequestFailure(
      isLate ? `the hub did not answer within ${answerMs / 1000} s` : "the hub cannot be reached",
    )
  }
  if (response.ok) return response
  if (response.status === 401 && !isOptional) isTokenAsked.value = true
  throw await failureOf(response)
}

/** Sends a GET, and reads the answer as JSON. @throws {RequestFailure} see `request`. */
export async function requestJson<Body>(path: string, options?: RequestOptions): Promise<Body> {
  const response = await request(path, options)
  return (await response.json()) as Body
}

/** The path of a topic's resource. */
export function topicPath(topic: string, resource = ""): string {
  return `v1/topics/${encodeURIComponent(topic)}${resource && `/${resource}`}`
}

async function failureOf(response: Response): Promise<RequestFailure> {
  const { status, headers } = response
  const text = await response.text().catch(() => "")
  let error: { code?: string; message?: string } = {}
  try {
    error = JSON.parse(text).error ?? {}
  } catch {
    // An answer of an intermediary.
  }
  const revision = headers.get("headwater-revision")
  const message = error.message ?? `answered ${status}`
  return new RequestFailure(
    message,
    status,
    error.code ?? "",
    revision === null ? undefined : Number(revision),
  )
}
