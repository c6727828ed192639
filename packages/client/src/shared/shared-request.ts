import type { SharedRequest } from "./holder-protocol.ts"

/** The request for a stream, as it is shared; `undefined` for any other request. */
export function sharedRequestOf(
  input: string | URL | Request,
  init: RequestInit | undefined,
): SharedRequest | undefined {
  if (input instanceof Request || (init?.method ?? "GET") !== "GET") return undefined
  const headers = Object.fromEntries(new Headers(init?.headers))
  if (headers.accept !== "text/event-stream") return undefined
  return { url: String(input), headers, credentials: init?.credentials }
}
