import { isLongerThan, isWellFormed, KEY_BYTES_MAX, KeyError } from "@headwater/core"
import { invalid, RequestError } from "../errors.ts"

/** Parameters of a request by name, each with all its values, in order. */
export type Query = ReadonlyMap<string, readonly string[]>

/**
 * The number of times that a request may have a parameter: at most once, or at most so often.
 * `later`: the parameter is reserved, and answered with 501.
 */
export type Rule = "once" | "later" | number

/** The longest URL. Node takes 16 KiB of a request's head; other runtimes take much more. */
export const URL_CHARS_MAX = 32_768

/**
 * Reads the query of a URL, strictly. An unknown parameter is an error, because a typo in `prefix`
 * must not stream a whole topic. So are bytes that are not UTF-8, which `URLSearchParams` replaces.
 *
 * @throws {RequestError} 400; 413 for a URL that is too long; 501 for a reserved parameter.
 */
export function readQuery(url: string, rules: Readonly<Record<string, Rule>>): Query {
  if (url.length > URL_CHARS_MAX) {
    const message = `the URL has ${url.length} characters; this hub takes at most ${URL_CHARS_MAX}`
    throw new RequestError("ERR_TOO_LARGE", message)
  }
  const query = new Map<string, string[]>()
  const at = url.indexOf("?")
  const text = at < 0 ? "" : url.slice(at + 1).split("#", 1)[0]!
  for (const part of text.split("&")) {
    if (part === "") continue
    const [rawName = "", ...rest] = part.split("=")
    const name = decode(rawName)
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
    if (rule === undefined) {
      const known = Object.keys(rules).join(", ") || "no parameters"
      throw invalid(`unknown parameter ${JSON.stringify(name)}; this resource takes ${known}`)
    }
    if (rule === "later") {
      throw new RequestError("ERR_NOT_IMPLEMENTED", `this hub does not implement ${name} yet`)
    }
    const values = query.get(name) ?? []
    if (rule === "once" && values.length > 0) throw invalid(`${name} is given twice`)
    if (values.length === rule) throw invalid(`${name} is given more than ${rule} times`)
    values.push(decode(rest.join("=")))
    query.set(name, values)
  }
  return query
}

/** Returns the value of a parameter that is given at most once. */
export function one(query: Query, name: string): string | undefined {
  return query.get(name)?.[0]
}

/** Checks a key and returns it. @throws {KeyError} the key is empty, too long, or not UTF-8. */
export function checkKey(key: string | undefined): string {
  if (key === undefined || key === "") {
    throw new KeyError(`the key is missing or empty; a key has 1 to ${KEY_BYTES_MAX} bytes`)
  }
  if (!isWellFormed(key)) throw new KeyError("the key is not UTF-8")
  if (isLongerThan(key, KEY_BYTES_MAX)) {
    throw new KeyError(`the key is longer than ${KEY_BYTES_MAX} bytes`)
  }
  return key
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "))
  } catch {
    throw invalid("the query is not URL-encoded UTF-8")
  }
}
