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
 * Keys, values and messages in it may be HTML that a client put there, so a browser is told not to
 * guess another type and not to run anything.
 *
 * @param status 200 unless given.
 */
export function jsonResponse(
  value: unknown,
  {
    status = 200,
    headers = {},
  }: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): Response {
  return new Response(`${JSON.stringify(value)}\n`, {
    status,
    headers: { ...JSON_HEADERS, ...headers },
  })
}
