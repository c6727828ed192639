import { readUtf8 } from "@headwater/core"
import { MULTIPLEX_VIEWS_MAX } from "@headwater/protocol"
import { invalid } from "../errors.ts"
import type { ReaderRequest } from "../event-stream/reader-request.ts"

/** One view of a request for several, not checked against its topic yet. */
export interface ViewRequest {
  readonly topic: string
  readonly prefixes: readonly string[]
  readonly keys: readonly string[]
  /** The id where its reader left off; `""` for none. */
  readonly id: string
}

/** The request for several views on one connection. */
export interface ViewsRequest {
  readonly views: readonly ViewRequest[]
  readonly policy: ReaderRequest["policy"]
}

/**
 * Reads the body of a request for several views:
 *
 *     { "views": [{ "topic", "prefixes"?, "keys"?, "id"? }], "policy"? }
 *
 * @throws {RequestError} 400: it is anything else.
 */
export function readViews(body: Uint8Array): ViewsRequest {
  const { views, policy = "conflate", ...others } = objectOf(jsonOf(body), "the body")
  refuseOthers(others, "the body", "views, policy")
  if (policy !== "conflate" && policy !== "disconnect") {
    throw invalid(`policy is conflate or disconnect, not ${JSON.stringify(policy)}`)
  }
  if (!Array.isArray(views) || views.length === 0 || views.length > MULTIPLEX_VIEWS_MAX) {
    throw invalid(`views is a list of 1 to ${MULTIPLEX_VIEWS_MAX} views`)
  }
  return { views: views.map(viewOf), policy }
}

function viewOf(value: unknown, n: number): ViewRequest {
  const name = `views[${n}]`
  const { topic, prefixes = [], keys = [], id = "", ...others } = objectOf(value, name)
  refuseOthers(others, name, "topic, prefixes, keys, id")
  if (typeof topic !== "string") throw invalid(`${name}.topic is the name of a topic`)
  if (typeof id !== "string") throw invalid(`${name}.id is the id of a frame, or absent`)
  return {
    topic,
    prefixes: textsOf(prefixes, `${name}.prefixes`),
    keys: textsOf(keys, `${name}.keys`),
    id,
  }
}

function jsonOf(body: Uint8Array): unknown {
  const text = readUtf8(body)
  try {
    return JSON.parse(text!)
  } catch {
    throw invalid("the body is not JSON in UTF-8")
  }
}

function objectOf(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>
  }
  throw invalid(`${name} is an object`)
}

function textsOf(value: unknown, name: string): string[] {
  if (Array.isArray(value) && value.every((text) => typeof text === "string")) return value
  throw invalid(`${name} is a list of strings`)
}

// A typo in `prefixes` must not stream a whole topic.
function refuseOthers(others: object, name: string, known: string): void {
  const [other] = Object.keys(others)
  if (other === undefined) return
  throw invalid(`${name} has an unknown member ${JSON.stringify(other)}; it takes ${known}`)
}
