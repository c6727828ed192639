import { decodeJwt, decodeProtectedHeader } from "jose"
import { digestOf, newToken, TOKEN_BYTES_MAX, TOKEN_LENGTH_MIN } from "../access/token.ts"
import { processTerminal } from "../runtime/terminal.ts"
import { ConfigError } from "./config-error.ts"
import type { VerbCall } from "./verbs/verb.ts"

/** `headwater token new`: prints the token alone on standard output, the entry on the other. */
export async function newTokenEntry({ args, options, print, complain }: VerbCall): Promise<number> {
  const token = newToken()
  const name = String(args[0] ?? "NAME")
  const read = wordsOf(options.read)
  const write = wordsOf(options.write)
  const grant = { ...(read && { read }), ...(write && { write }) }
  const entry = {
    name,
    sha256: [digestOf(token)],
    topics: { [String(options.topic)]: read || write ? grant : { read: true } },
  }
  print(token)
  complain(`\nThis is shown once. The entry for "identities" of the token file:\n`)
  complain(JSON.stringify(entry, undefined, 2))
  for (const prefix of [...(read ?? []), ...(write ?? [])]) {
    if (!/[\p{L}\p{N}]$/u.test(prefix)) continue
    const other = JSON.stringify(`${prefix}-x`)
    const shown = JSON.stringify(prefix)
    complain(
      `\nwarning: the prefix ${shown} also covers ${other}: end it with /, or take ` +
        `{ "keys": [${shown}] }`,
    )
  }
  return 0
}

/** `headwater token hash`: the SHA-256 of the token on standard input. */
export async function hashToken({ print }: VerbCall): Promise<number> {
  const token = await readToken()
  if (token.length < TOKEN_LENGTH_MIN) {
    throw new ConfigError(
      `a token of ${token.length} characters may be guessed from its digest: take one of at ` +
        `least ${TOKEN_LENGTH_MIN}, such as headwater token new prints`,
    )
  }
  print(digestOf(token))
  return 0
}

/** `headwater token inspect`: the header and claims of the JWT on standard input. */
export async function inspectToken({ print, complain }: VerbCall): Promise<number> {
  const token = await readToken()
  try {
    print(
      JSON.stringify(
        { header: decodeProtectedHeader(token), claims: decodeJwt(token) },
        undefined,
        2,
      ),
    )
    return 0
  } catch {
    complain(`headwater: this is no JWT; its SHA-256 is ${digestOf(token)}`)
    return 1
  }
}

// Never an argument: other programs of the machine see those.
async function readToken(): Promise<string> {
  const decoder = new TextDecoder()
  let text = ""
  for await (const chunk of processTerminal().input()) {
    text += decoder.decode(chunk, { stream: true })
    if (text.length > TOKEN_BYTES_MAX + 2) {
      throw new ConfigError(`a token has at most ${TOKEN_BYTES_MAX} bytes`)
    }
  }
  const token = text.trim()
  if (token === "") throw new ConfigError("give the token on standard input")
  return token
}

function wordsOf(option: unknown): readonly string[] | undefined {
  return Array.isArray(option) ? option.map(String) : undefined
}
