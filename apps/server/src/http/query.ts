import { KEY_BYTES_MAX, KeyError } from "@headwater/core"
import { RequestError } from "../errors.ts"

/** The parameters of a request by name, each with all its values, in order. */
export type Query = ReadonlyMap<string, readonly string[]>

/** How a parameter may stand in a request. `later`: reserved, and answered with 501. */
export type Rule = "once" | "many" | "later"

/**
 * Reads the query of a URL, strictly: an unknown parameter is an error, because a typo in `prefix`
 * must not stream a whole topic; and so is what is not UTF-8, which `URLSearchParams` replaces.
 *
 * @throws {RequestError} 400, or 501 for what is reserved.
 */
export function readQuery(url: string, rules: Readonly<Record<string, Rule>>): Query {
  const query = new Map<string, string[]>()
  const at = url.indexOf("?")
  const text = at < 0 ? "" : url.slice(at + 1).split("#", 1)[0]!
  for (const part of text.split("&")) {
    if (part === "") continue
    const [rawName = "", ...rest] = part.split("=")
    const name = decode(rawName)
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
    if (rule === undefined) throw invalid(`there is no parameter ${JSON.stringify(name)} here`)
    if (rule === "later") {
      throw new RequestError("ERR_NOT_IMPLEMENTED", `this hub does not know ${name} yet`)
    }
    const values = query.get(name) ?? []
    if (rule === "once" && values.length > 0) throw invalid(`${name} is given twice`)
    values.push(decode(rest.join("=")))
    query.set(name, values)
  }
  return query
}

/** The value of a parameter that stands at most once. */
export function one(query: Query, name: string): string | undefined {
  return query.get(name)?.[0]
}

/** Checks a key, and returns it. @throws {KeyError} empty, too long, or not UTF-8. */
export function checkKey(key: string | undefined): string {
  if (key === undefined || key === "") throw new KeyError("a key has at least one byte")
  if (!isWellFormed(key)) throw new KeyError("a key is UTF-8")
  if (key.length > KEY_BYTES_MAX || new TextEncoder().encode(key).length > KEY_BYTES_MAX) {
    throw new KeyError(`a key has at most ${KEY_BYTES_MAX} bytes`)
  }
  return key
}

/** Whether a text has no half of a surrogate pair standing alone, so that it is UTF-8. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "))
  } catch {
    throw invalid("the query is not URL-encoded UTF-8")
  }
}

function invalid(message: string): RequestError {
  return new RequestError("ERR_REQUEST_INVALID", message)
}
