import { decodeErrorBody } from "@headwater/protocol"
import type { HubTarget } from "./hub-target.ts"
import type { TaskContext } from "./task-context.ts"
import { EXIT, lineOf, TaskError } from "./task-error.ts"

/** An answer of a hub, or of a server before it, other than the one asked for. */
export class HubAnswerError extends TaskError {
  readonly status: number
  /** The hub's code; `undefined` where another server answered. */
  readonly code: string | undefined
  /** The hub asks for the same request again, later. */
  readonly mayRetry: boolean
  /** The wait that the answer asks for, or 0. */
  readonly retryAfterMs: number
  /** The body of the answer. */
  readonly body: string

  constructor(url: string, status: number, body: string, headers: Headers) {
    const error = decodeErrorBody(body)
    super(
      error
        ? `${error.message} (${error.code})${cureOf(error.code)}`
        : `${url} answered ${status}, ${foreign(status, body)}`,
      exitOf(error?.code),
    )
    this.status = status
    this.code = error?.code
    this.mayRetry = error ? error.retry === "retry" : status >= 500 || status === 429
    this.retryAfterMs = (Number(headers.get("retry-after")) || 0) * 1_000
    this.body = body
  }
}

/** The advice that a code calls for, to stand after the message; `""` where there is none. */
export function cureOf(code: string | undefined): string {
  const cure = CURES[code ?? ""]
  return cure === undefined ? "" : `; ${cure}`
}

const CURES: Readonly<Record<string, string>> = {
  ERR_UNAUTHENTICATED: "give a token by HEADWATER_TOKEN_FILE, --token-file or a context",
  ERR_TOPIC_UNKNOWN: "headwater topics lists those that there are",
  ERR_NOT_WRITABLE: "start the hub with ?write=1 on that topic to let clients write",
}

function exitOf(code: string | undefined): number {
  return code === "ERR_KEY_ABSENT" || code === "ERR_CONFLICT" ? EXIT.no : EXIT.failed
}

function foreign(status: number, body: string): string {
  if (status >= 300 && status < 400) return "a redirect: give the address that it leads to"
  const title = /<title>([^<]{1,80})<\/title>/i.exec(body)?.[1]
  return `which is no answer of a hub${title ? ` (${title})` : ""}`
}

/** A request to a hub. */
export interface HubRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/**
 * Asks a hub, with its token.
 *
 * @throws {HubAnswerError} the status is not 200.
 * @throws {TaskError} the hub cannot be reached.
 */
export async function askHub(
  context: TaskContext,
  hub: HubTarget,
  path: string,
  request: HubRequest = {},
): Promise<Response> {
  const url = `${hub.url}${path}`
  const token = await hub.token()
  const headers = { ...request.headers, ...(token && { authorization: `Bearer ${token}` }) }
  const init = { ...request, headers, signal: context.signal, redirect: "manual" } as RequestInit
  let response: Response
  let text = ""
  try {
    response = await context.fetch(url, init)
    if (response.status !== 200) text = await response.text()
  } catch (error) {
    throw unreachable(context, url, error)
  }
  if (response.status === 200) return response
  throw new HubAnswerError(url.replace(/\?.*/, ""), response.status, text, response.headers)
}

/** Makes the error of a hub that cannot be reached; the signal's reason where that ended it. */
export function unreachable({ signal }: TaskContext, url: string, error: unknown): unknown {
  if (signal.aborted) return signal.reason
  if (error instanceof TaskError) return error
  const origin = new URL(url).origin
  const reason = lineOf(new Error("", { cause: error })).replace(/^: /, "")
  return new TaskError(
    `the hub at ${origin} cannot be reached (${reason}); start one with headwater serve, or name ` +
      "another by --url, HEADWATER_URL or headwater context",
  )
}

/**
 * The facts of a topic that the verbs use: `GET /v1/topics/{topic}`. Some are absent for a reader
 * whose grant is a part of the topic, and `null` before the source was read.
 */
export interface TopicFacts {
  readonly topic: string
  /** The scheme of its source, such as `etcd`. */
  readonly source?: string
  readonly values: "json" | "text" | "binary"
  readonly revision?: number | null
  readonly entries?: number | null
  readonly bytes?: number | null
  readonly status: string
  readonly lastContact?: string | null
  readonly code?: string
  readonly invalid?: number
  readonly subscribers?: number
  readonly writable: boolean
}
