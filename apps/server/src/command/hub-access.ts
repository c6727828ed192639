import { AccessError } from "@headwater/core"
import type { Runtime } from "../runtime/runtime.ts"
import type { Config } from "./config.ts"
import { ConfigError } from "./config-error.ts"
import { readNamed, readTls } from "./named-file.ts"
import type { HubAccess } from "./sources.ts"

/**
 * Reads the files that say who this hub is to the hubs above it, and whom it trusts. A token's file
 * is read again for each request, so that one that is renewed there needs no other start.
 *
 * @throws {ConfigError} one line that says which file cannot be read, or holds no token.
 */
export async function readHubAccess(runtime: Runtime, config: Config): Promise<HubAccess> {
  const fromFile = async (named: string, file: string) => {
    const read = async () => tokenOf(await readNamed(runtime, named, file), named)
    await read()
    return () => read().catch(refuse)
  }
  const given = config.hubToken
  const isFile = given !== undefined && "file" in given
  const shared = isFile ? await fromFile("HEADWATER_HUB_TOKEN_FILE", given.file) : given?.text
  const own = new Map<string, () => Promise<string>>()
  for (const { name, source } of config.topics) {
    if (source.type !== "hub" || source.tokenFile === undefined) continue
    own.set(source.tokenFile, await fromFile(`token-file of topic "${name}"`, source.tokenFile))
  }
  const secureFetch = await readTls(runtime, "HEADWATER_HUB", config.hubTls)
  return {
    tokenOf: (file) => (file === undefined ? shared : own.get(file)),
    ...(secureFetch && { secureFetch }),
  }
}

function tokenOf(text: string, named: string): string {
  const token = text.trim()
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new ConfigError(`the file named by ${named} holds no token`)
  return token
}

// While a file is being replaced it may be missing: there is no token then, and later there is.
function refuse(cause: unknown): never {
  throw new AccessError((cause as Error).message, "ERR_UNAUTHENTICATED", { cause })
}
