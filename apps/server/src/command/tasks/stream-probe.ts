import { onAbort } from "@headwater/core"
import { HEARTBEAT_MS } from "@headwater/protocol"
import type { TopicTarget } from "./hub-target.ts"
import type { TaskContext } from "./task-context.ts"
import { lineOf } from "./task-error.ts"

/** The stream to open, and the time to watch it. */
export interface ProbeRequest {
  readonly target: TopicTarget
  /** Beside the token. */
  readonly headers?: Readonly<Record<string, string>>
  /** Query parameters, such as `once`. */
  readonly query?: Readonly<Record<string, string>>
  /** Ends the watch early: the probe has seen what it is for. */
  readonly isEnough: (probe: StreamProbe) => boolean
  readonly watchMs: number
}

/** Observations of one stream. Times are in ms since the request. */
export interface StreamProbe {
  status: number | undefined
  headers: Headers
  headersMs: number | undefined
  helloMs: number | undefined
  syncMs: number | undefined
  heartbeatMs: number
  resumed: boolean | undefined
  hasReset: boolean
  /** The last id. */
  id: string
  /** When each piece of the body came, after the first `sync`. */
  readonly piecesMs: number[]
  /** The body when it is no stream, cut. */
  body: string
  endedMs: number | undefined
  goodbye: string | undefined
  error: string | undefined
  /** The time that the probe took. */
  watchedMs: number
}

/** A stream that has not begun after this is held back. */
const HELLO_MS = 6_000

const BODY_CHARACTERS_MAX = 4_096

/** Opens a stream and notes what comes, and when. Never rejects but by the caller's signal. */
export async function probeStream(
  request: ProbeRequest,
  context: TaskContext,
): Promise<StreamProbe> {
  const { clock } = context
  const probe = emptyProbe()
  const startedAt = clock.elapsed()
  const attempt = new AbortController()
  const letGo = onAbort(context.signal, () => attempt.abort())
  const stopTimer = clock.after(request.watchMs, () => attempt.abort())
  const stopWait = clock.after(HELLO_MS, () => {
    if (probe.helloMs === undefined) attempt.abort()
  })
  try {
    await watch(request, context, probe, startedAt, attempt.signal)
  } catch (error) {
    if (!attempt.signal.aborted) probe.error = lineOf(error)
  } finally {
    stopTimer()
    stopWait()
    letGo()
    attempt.abort()
  }
  context.signal.throwIfAborted()
  probe.watchedMs = clock.elapsed() - startedAt
  return probe
}

async function watch(
  { target, headers, query = {}, isEnough }: ProbeRequest,
  context: TaskContext,
  probe: StreamProbe,
  startedAt: number,
  signal: AbortSignal,
): Promise<void> {
  const now = () => context.clock.elapsed() - startedAt
  const url = new URL(`${target.url}/stream`)
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  const token = await target.hub.token()
  const response = await context.fetch(url, {
    headers: {
      accept: "text/event-stream",
      ...(token && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    redirect: "manual",
    cache: "no-store",
    signal,
  })
  probe.status = response.status
  probe.headers = response.headers
  probe.headersMs = now()
  const decoder = new TextDecoder()
  let text = ""
  for await (const chunk of (response.body ?? []) as unknown as AsyncIterable<Uint8Array>) {
    const piece = decoder.decode(chunk, { stream: true })
    if (probe.syncMs !== undefined) probe.piecesMs.push(now())
    if (probe.body.length < BODY_CHARACTERS_MAX) probe.body += piece
    text += piece
    const blocks = text.split("\n\n")
    text = blocks.pop()!
    for (const block of blocks) take(block, probe, now())
    if (isEnough(probe)) return
  }
  probe.endedMs = now()
}

function take(block: string, probe: StreamProbe, nowMs: number): void {
  const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, "m").exec(block)?.[1]
  const data = field("data") ?? ""
  probe.id = field("id") ?? probe.id
  switch (field("event")) {
    case "hello": {
      probe.helloMs ??= nowMs
      probe.heartbeatMs = Number(/"heartbeatMs":(\d+)/.exec(data)?.[1] ?? HEARTBEAT_MS)
      probe.resumed = data.includes('"resumed":true')
      return
    }
    case "reset":
      probe.hasReset = true
      return
    case "sync":
      probe.syncMs ??= nowMs
      return
    case "goodbye":
    case "fault":
      probe.goodbye = data
      return
    default:
  }
}

function emptyProbe(): StreamProbe {
  return {
    status: undefined,
    headers: new Headers(),
    headersMs: undefined,
    helloMs: undefined,
    syncMs: undefined,
    heartbeatMs: HEARTBEAT_MS,
    resumed: undefined,
    hasReset: false,
    id: "",
    piecesMs: [],
    body: "",
    endedMs: undefined,
    goodbye: undefined,
    error: undefined,
    watchedMs: 0,
  }
}
