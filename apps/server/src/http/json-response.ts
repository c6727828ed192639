import { VALUE_HEADERS } from "@headwater/protocol"

/** Headers of an answer in JSON that is not a value itself: never cached, never run. */
const JSON_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "application/json",
  "cache-control": "no-store",
  ...VALUE_HEADERS,
}

/**
 * Answers with one line of JSON.
 *
 * Keys, values and messages in it may be HTML that a client put there, so the
 * headers forbid a browser to guess another type and to run anything.
 *
 * @param status 200 unless given.
 */
export function jsonResponse(value: unknown, init?: JsonInit): Response {
  return jsonTextResponse(JSON.stringify(value), init)
}

/** Answers with a line that is JSON text already. */
export function jsonTextResponse(
  text: string,
  { status = 200, headers = {} }: JsonInit = {},
): Response {
  return new Response(`${text}\n`, { status, headers: { ...JSON_HEADERS, ...headers } })
}

interface JsonInit {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
}
