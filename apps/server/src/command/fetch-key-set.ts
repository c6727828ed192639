import type { JSONWebKeySet } from "jose"
import type { FetchKeySet } from "../access/key-set.ts"
import { isLoopback } from "../http/host.ts"

/** The issuer has this long to answer, in ms. */
const FETCH_MS = 5_000

/** The largest key set that is read. */
const KEY_SET_BYTES_MAX = 1_048_576

/** Returns the reason for which a URL cannot be that of a key set; `undefined` if it can. */
export function reasonAgainstKeySetUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return "it is not a URL"
  const { protocol, hostname, username, password } = new URL(text)
  if (username !== "" || password !== "") return "a URL of keys carries no credentials"
  if (protocol === "https:") return undefined
  if (protocol === "http:" && isLoopback(hostname)) return undefined
  return "keys are fetched by https, except from this machine"
}

/**
 * Returns a function that fetches a key set: without redirects, within 5 s, at most 1 MiB.
 *
 * @param fetch the platform's.
 */
export function fetchKeySet(url: string, fetch: typeof globalThis.fetch): FetchKeySet {
  return async (signal) => {
    const late = AbortSignal.any([signal, AbortSignal.timeout(FETCH_MS)])
    const response = await fetch(url, {
      redirect: "manual",
      signal: late,
      headers: { accept: "application/jwk-set+json, application/json" },
    })
    if (response.status !== 200) {
      await response.body?.cancel()
      throw new Error(`the key set answered ${response.status}`)
    }
    return parseKeySet(await readText(response))
  }
}

/** Reads a JWK set. @throws {Error} the text is none. */
export function parseKeySet(text: string): JSONWebKeySet {
  const set = JSON.parse(text) as Partial<JSONWebKeySet>
  if (!Array.isArray(set?.keys)) throw new Error("the key set has no list of keys")
  return set as JSONWebKeySet
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  let text = ""
  let bytes = 0
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > KEY_SET_BYTES_MAX) throw new Error("the key set is larger than 1 MiB")
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}
