import { isLongerThan, isWellFormed, KEY_BYTES_MAX } from "@headwater/core"
import { TOPIC_PATTERN } from "@headwater/protocol"
import {
  array,
  boolean,
  check,
  custom,
  type GenericSchema,
  literal,
  maxLength,
  nonEmpty,
  type ObjectEntries,
  optional,
  pipe,
  record,
  regex,
  strictObject,
  string,
  transform,
  union,
} from "valibot"
import type { TopicGrant } from "./grant.ts"

/** The pattern of a topic in a grant: a name, a prefix of names before `*`, or `*` alone. */
const PATTERN = new RegExp(`${TOPIC_PATTERN.source.slice(0, -1)}\\*?$|^\\*$`)

const text = string("must be a string")

/** The most prefixes, and the most keys, of one set: as many as a view may have. */
const TERMS_MAX = 256

// A text that ends inside a character (a lone surrogate) would be another one in UTF-8.
const term = pipe(
  text,
  check(isWellFormed, "must be UTF-8: it ends inside a character"),
  check((value) => !isLongerThan(value, KEY_BYTES_MAX), `must have at most ${KEY_BYTES_MAX} bytes`),
)

const terms = <const Item extends GenericSchema<unknown, string>>(item: Item) =>
  pipe(
    array(item, "must be a list of strings"),
    maxLength(TERMS_MAX, `must have at most ${TERMS_MAX} items`),
  )

const prefixes = terms(term)

const keys = terms(pipe(term, nonEmpty("must not be empty")))

const grantedKeys = union(
  [literal(true), prefixes, strict({ prefixes: optional(prefixes), keys: optional(keys) })],
  "must be true, a list of prefixes, or { prefixes, keys }",
)

const topicGrant = strict({ read: optional(grantedKeys), write: optional(grantedKeys) })

/** The schema of `topics`, in a token file and in a JWT. Strict: a typo must not grant or hide. */
export const topicGrants = pipe(
  plainObject("must be an object of topics"),
  record(
    pipe(text, regex(PATTERN, "must be the name of a topic, or a prefix of names and *")),
    pipe(
      topicGrant,
      transform((grant) => grant as TopicGrant),
    ),
  ),
)

/** The schema of `admin`. A string such as `"false"` is refused, not taken for true. */
export const admin = boolean("must be true or false")

/** The schema of the claim `headwater` of a JWT. */
export const claimGrant = strict({ topics: topicGrants, admin: optional(admin) })

/** The schema of an entry of `authorization_details` of the type `headwater`. */
export const detailGrant = strict({
  type: literal("headwater"),
  topics: topicGrants,
  admin: optional(admin),
})

/**
 * A schema of exactly these fields. Valibot alone takes an array for an object; a grant that is
 * written as a list must be refused, not read as one without fields.
 */
export function strict<const Entries extends ObjectEntries>(entries: Entries) {
  return pipe(plainObject("must be an object"), strictObject(entries, unknownField))
}

function plainObject(message: string) {
  return custom<Readonly<Record<string, unknown>>>(
    (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    message,
  )
}

function unknownField(issue: {
  readonly expected: string | null
  readonly received: string
}): string {
  if (issue.expected === "never") return "is not a known field"
  return issue.received === "undefined" ? "is missing" : "must be an object"
}
