/**
 * The messages between a tab and the holder of its streams: a worker, or the tab that leads.
 *
 * A tab numbers its streams. `text` is a piece of an event stream; `took` reports that the reader
 * took so many characters of it, so that a frozen tab does not fill the memory of the browser.
 *
 * @module
 */

/** A request for a stream. Tabs with equal keys share one. */
export interface SharedRequest {
  readonly url: string
  /** Names are in lower case. The credential is one of them. */
  readonly headers: Readonly<Record<string, string>>
  readonly credentials?: RequestCredentials | undefined
}

/** From a tab to the holder. */
export type TabMessage =
  | { readonly type: "open"; readonly stream: number; readonly request: SharedRequest }
  | { readonly type: "took"; readonly stream: number; readonly characters: number }
  | { readonly type: "close"; readonly stream: number }
  | { readonly type: "ping" }

/** From the holder to a tab. */
export type HolderMessage =
  | { readonly type: "ready"; readonly lock?: string | undefined }
  | { readonly type: "text"; readonly stream: number; readonly text: string }
  | { readonly type: "end"; readonly stream: number; readonly reason: string }
  | { readonly type: "pong" }

/** The common part of `MessagePort` and `BroadcastChannel`. */
export interface Port {
  postMessage(message: unknown): void
  onmessage: ((event: { readonly data: unknown }) => void) | null
  close(): void
}

/** Headers that belong to one request of a stream, and not to the stream. */
const OWN_HEADERS: ReadonlySet<string> = new Set(["accept", "last-event-id"])

/**
 * Names the stream that a request asks for: hub, topic, view and credential. Equal texts share one
 * connection, so everything that the hub may look at is in it.
 */
export function keyOf({ url, headers, credentials }: SharedRequest): string {
  const named = Object.entries(headers).filter(([name]) => !OWN_HEADERS.has(name))
  return JSON.stringify([url, credentials ?? null, named.sort(([a], [b]) => (a < b ? -1 : 1))])
}
