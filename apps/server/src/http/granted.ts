import { encodeUtf8 } from "@headwater/core"
import type { GrantedFilter, ViewFilter } from "@headwater/protocol"
import { type Allowed, covers, cutTo } from "../access/allowed.ts"
import type { TopicAccess } from "../access/grant.ts"
import type { Session } from "../access/session.ts"
import { invalid, RequestError, UnauthenticatedError } from "../errors.ts"
import type { Hub } from "../hub.ts"
import type { Topic } from "../topic.ts"
import { sessionOf } from "./authenticate.ts"

/** The most bytes of the prefixes and keys of a view: a filter of the engine has 64 KiB. */
export const FILTER_BYTES_MAX = 49_152

/** The most terms of a view that a grant cuts down. */
const TERMS_MAX = 1_024

/** A topic, and the part of it that a request may read and write. */
export interface GrantedTopic extends TopicAccess {
  readonly topic: Topic
  readonly session: Session
}

/**
 * Returns a topic for a request that has any grant on it.
 *
 * @throws {UnauthenticatedError} there is no credential, and without one nothing is granted on a
 *   topic of this name, whether or not it exists.
 * @throws {TopicError} 404: nothing is granted, or there is no such topic; the answer is the same.
 */
export function grantedTopic(hub: Hub, request: Request, name: string): GrantedTopic {
  const session = sessionOf(request)
  const access = session.on(name)
  if (access === undefined) {
    if (!session.isAnonymous) throw hub.unknownTopic(name)
    throw new UnauthenticatedError(`topic ${JSON.stringify(name)} needs a token`, false)
  }
  const topic = hub.topic(name)
  const { read, write } = access
  return { topic, session, read, write }
}

/**
 * Returns a filter, cut to what may be read.
 *
 * @throws {RequestError} 403: one of its terms meets nothing granted, or nothing is; whether or not
 *   such a key exists.
 */
export function cutToGrant(
  { read, topic, session }: GrantedTopic,
  filter: ViewFilter,
): GrantedFilter {
  if (read.type === "all") return filter
  if (read.type === "nothing") throw unreadable(topic, session)
  const cut = cutTo(read, filter)
  if (cut.type === "refused") throw outside(topic, session, "read", cut.term)
  const { allowed } = cut
  if (!cut.isCut || allowed.type !== "terms") {
    if (allowed.type === "nothing") throw unreadable(topic, session)
    return filter
  }
  const { prefixes, keys } = allowed
  if (
    prefixes.length + keys.length > TERMS_MAX ||
    encodeUtf8([...prefixes, ...keys].join("")).length > FILTER_BYTES_MAX
  ) {
    throw invalid(
      `the grant cuts this view to more than ${TERMS_MAX} terms or ${FILTER_BYTES_MAX} bytes: ` +
        "ask for a part of it, with prefix or key",
    )
  }
  return { ...filter, grant: { prefixes, keys } }
}

/** @throws {RequestError} 403: the key may not be read. */
export function requireRead({ read, topic, session }: GrantedTopic, key: string): void {
  if (!covers(read, key)) throw outside(topic, session, "read", key)
}

/** @throws {RequestError} 403: the key may not be written. */
export function requireWrite({ write, topic, session }: GrantedTopic, key: string): void {
  if (!covers(write, key)) throw outside(topic, session, "write", key)
}

/** @throws {RequestError} 403: nothing in the topic may be written. */
export function requireAnyWrite({ write, topic, session }: GrantedTopic): void {
  if (write.type === "nothing") throw outside(topic, session, "write")
}

/** Returns true if the whole topic may be read; else its totals are hidden. */
export function seesWhole({ read }: { readonly read: Allowed }): boolean {
  return read.type === "all"
}

function unreadable(topic: Topic, session: Session): RequestError {
  return outside(topic, session, "read")
}

function outside(
  { name }: Topic,
  { isAnonymous }: Session,
  act: "read" | "write",
  term?: string,
): RequestError {
  const what = term === undefined ? `topic ${name}` : `${JSON.stringify(term)} of topic ${name}`
  const by = isAnonymous ? "clients without a token" : "this token"
  return new RequestError("ERR_FORBIDDEN", `${by} may not ${act} ${what}`)
}
