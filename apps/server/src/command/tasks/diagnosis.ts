import { decodeErrorBody } from "@headwater/protocol"
import type { StreamProbe } from "./stream-probe.ts"
import { spanText } from "./text-table.ts"

/** One result of `headwater doctor`. */
export interface Finding {
  readonly level: "ok" | "note" | "fault"
  /** One word: what was looked at. */
  readonly subject: string
  readonly text: string
  /** The thing to do about a note or a fault. */
  readonly cure?: string
}

/** Above this, a first event is late; a hub answers within some ms. */
const LATE_MS = 2_500

/** A clock that is off by more makes tokens end too early or too late. */
const CLOCK_MS = 5_000

/** Pieces of a stream come at least once a heartbeat; a network may add this. */
const SLACK_MS = 2_500

/** The server that stands before the hub, as far as an answer names one. */
export function proxyOf(headers: Headers): string {
  const named = [headers.get("via"), headers.get("server")].filter((name) => name !== null)
  return named.length > 0 ? ` (${named.join(", ")})` : ""
}

/** Judges an answer that is no stream of a hub. */
export function judgeAnswer(status: number, body: string, headers: Headers): Finding | undefined {
  if (status === 200) return undefined
  const subject = "answer"
  const error = decodeErrorBody(body)
  if (error === undefined) {
    const cure =
      status >= 500
        ? "the proxy does not reach the hub: is the hub up, and the proxy's upstream right?"
        : status >= 300 && status < 400
          ? `give the address that it leads to: ${headers.get("location") ?? "see its location"}`
          : "let the proxy pass every path below /v1/ on to the hub"
    const text = `a server before the hub${proxyOf(headers)} answered ${status}`
    return { level: "fault", subject, text, cure }
  }
  const { code, message } = error
  if (code === "ERR_FORBIDDEN" && /Host/.test(message)) {
    return {
      level: "fault",
      subject: "host",
      text: message,
      cure:
        "start the hub with --allow-host and the name that clients use, or let the proxy send " +
        "the hub's own address as Host",
    }
  }
  if (code === "ERR_UNAUTHENTICATED") {
    return {
      level: "fault",
      subject: "token",
      text: `the hub takes no request without a good token: ${message}`,
      cure: "give one by HEADWATER_TOKEN_FILE or --token-file; is it expired, or for another hub?",
    }
  }
  const cure = "see the hub's log, and headwater topics for the topics that the token may read"
  return { level: "fault", subject, text: `${message} (${code})`, cure }
}

/** Judges the clock of the hub, or of the proxy that wrote the date, by the middle of a request. */
export function judgeClock(date: string | null, sentAt: number, answeredAt: number): Finding {
  const subject = "clock"
  const hubAt = Date.parse(date ?? "")
  if (Number.isNaN(hubAt)) {
    return { level: "note", subject, text: "the answers have no date, so the clock is not known" }
  }
  // A date has whole seconds, rounded down.
  const offMs = hubAt + 500 - (sentAt + answeredAt) / 2
  if (Math.abs(offMs) <= CLOCK_MS + (answeredAt - sentAt)) {
    return { level: "ok", subject, text: "the hub's clock and this machine's agree" }
  }
  const side = offMs > 0 ? "ahead of" : "behind"
  return {
    level: "fault",
    subject,
    text: `the hub's clock is ${spanText(Math.abs(offMs))} ${side} this machine's`,
    cure: "set both by NTP: tokens begin and end by the hub's clock",
  }
}

/**
 * Judges whether events arrive when they are sent.
 *
 * @param plain a stream that was asked for without compression.
 * @param coded the same with compression.
 * @param whole the stream with `once`, which ends: a proxy that buffers passes it on at its end.
 */
export function judgeArrival(
  plain: StreamProbe,
  coded: StreamProbe,
  whole: StreamProbe,
): readonly Finding[] {
  const coding = coded.headers.get("content-encoding")
  if (isLate(plain)) {
    const ended =
      whole.endedMs === undefined || whole.syncMs === undefined
        ? ""
        : `, and a stream that ends arrives whole after ${spanText(whole.endedMs)}`
    return [
      {
        level: "fault",
        subject: "buffering",
        text: `events arrive late: ${latenessOf(plain)}${ended}`,
        cure:
          `a proxy${proxyOf(plain.headers)} collects events before it passes them on: turn that ` +
          "off for /v1/ (nginx: proxy_buffering off, and no proxy_ignore_headers " +
          "X-Accel-Buffering; Apache: flushpackets=on; see docs/proxies.md)",
      },
    ]
  }
  const arrives: Finding = {
    level: "ok",
    subject: "arrival",
    text: `events arrive at once: the first after ${spanText(plain.helloMs ?? 0)}`,
  }
  if (!isLate(coded)) {
    const text = coding ? `streams in ${coding} arrive at once, too` : "streams are not compressed"
    return [arrives, { level: "ok", subject: "compression", text }]
  }
  return [
    arrives,
    {
      level: "fault",
      subject: "compression",
      text: `in ${coding ?? "compression"}, events arrive late: ${latenessOf(coded)}`,
      cure:
        `a proxy${proxyOf(coded.headers)} compresses text/event-stream and holds events back: ` +
        "exclude that type there, and let the hub compress by --compress, which flushes each event",
    },
  ]
}

function isLate(probe: StreamProbe): boolean {
  if (probe.syncMs === undefined) return true
  return (probe.helloMs ?? 0) > LATE_MS || silenceMs(probe) > probe.heartbeatMs + SLACK_MS
}

// The longest time without a piece, up to the end of the probe.
function silenceMs({ syncMs, piecesMs, watchedMs, endedMs }: StreamProbe): number {
  const times = [syncMs ?? 0, ...piecesMs, endedMs ?? watchedMs]
  return Math.max(...times.slice(1).map((ms, at) => ms - times[at]!))
}

function latenessOf(probe: StreamProbe): string {
  const { helloMs, watchedMs, heartbeatMs } = probe
  if (helloMs === undefined) return `none within ${spanText(watchedMs)}`
  if (helloMs > LATE_MS) return `the first after ${spanText(helloMs)}`
  const silence = spanText(silenceMs(probe))
  return `nothing for ${silence}, though the hub sends a heartbeat every ${spanText(heartbeatMs)}`
}

/** Judges the headers and the end of a stream. */
export function judgeStream(probe: StreamProbe): readonly Finding[] {
  const { headers, endedMs, goodbye, error } = probe
  const findings: Finding[] = []
  const type = headers.get("content-type") ?? ""
  if (!type.startsWith("text/event-stream")) {
    findings.push({
      level: "fault",
      subject: "type",
      text: `a stream has the content type "${type}"`,
      cure: `let the proxy${proxyOf(headers)} leave content-type as it is: EventSource gives up`,
    })
  }
  const age = headers.get("age")
  if ((age !== null && age !== "0") || !/no-store/.test(headers.get("cache-control") ?? "")) {
    findings.push({
      level: "fault",
      subject: "cache",
      text: `a cache${proxyOf(headers)} answers for the hub, or may: no-store does not arrive`,
      cure: "let the proxy neither cache /v1/ nor change cache-control there",
    })
  }
  const isCut = error !== undefined || (endedMs !== undefined && goodbye === undefined)
  if (isCut && probe.syncMs !== undefined) {
    findings.push({
      level: "fault",
      subject: "cut",
      text: `the stream was cut after ${spanText(endedMs ?? probe.watchedMs)}, without a goodbye`,
      cure: "set the proxy's read timeout above three heartbeats (nginx: proxy_read_timeout 1h)",
    })
  }
  return findings
}

/** Judges whether `Last-Event-ID` reaches the hub. */
export function judgeResume(byHeader: StreamProbe): Finding {
  const subject = "resume"
  if (byHeader.resumed === true) {
    return { level: "ok", subject, text: "a reader that returns with its id gets what it missed" }
  }
  if (byHeader.hasReset) {
    const text = "the hub had to begin anew, as it was written a lot or restarted meanwhile"
    return { level: "note", subject, text, cure: "look again" }
  }
  return {
    level: "fault",
    subject,
    text: "the header Last-Event-ID does not reach the hub: every return costs a whole snapshot",
    cure: `let the proxy${proxyOf(byHeader.headers)} pass the header Last-Event-ID on`,
  }
}

/** Judges the protocol, by which a browser limits its connections. */
export function judgeProtocol(isTls: boolean, isHttp2: boolean | undefined): Finding {
  const subject = "http"
  if (isHttp2) return { level: "ok", subject, text: "HTTP/2: tabs share one connection" }
  return {
    level: "note",
    subject,
    text: "HTTP/1.1: a browser opens six connections to it, so a page's seventh tab waits for ever",
    cure: isTls
      ? "turn on HTTP/2, or let tabs share one stream"
      : "serve it by https with HTTP/2, or let tabs share one stream",
  }
}
