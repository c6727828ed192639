import { encodeUtf8, systemClock } from "@headwater/core"
import { Access } from "../access/access.ts"
import { type JwtOptions, SECRET_BYTES_MIN } from "../access/jwt.ts"
import { KeySet } from "../access/key-set.ts"
import type { Log } from "../log.ts"
import type { Runtime } from "../runtime/runtime.ts"
import type { AccessConfig, JwtConfig } from "./access-config.ts"
import { ConfigError } from "./config-error.ts"
import { fetchKeySet, parseKeySet } from "./fetch-key-set.ts"
import { TokenFile } from "./token-file.ts"

/** The grants of a hub, and what must be closed with them. */
export interface OpenedAccess {
  readonly access: Access
  close(): void
}

/**
 * Opens the token file and the keys that settings name, and follows their changes; returns
 * `undefined` where the operator chose no access.
 *
 * @throws {ConfigError} a file cannot be used.
 */
export async function openAccess(
  runtime: Runtime,
  config: AccessConfig | undefined,
  log: Log,
): Promise<OpenedAccess | undefined> {
  if (config === undefined) return undefined
  const file = config.tokens === undefined ? undefined : new TokenFile(runtime, config, log)
  const tokens = await file?.read()
  const keys = config.jwt && (await openKeys(runtime, config.jwt, log))
  const { anonymous } = config
  const access = new Access({
    clock: systemClock,
    report: (error) => log("ending a grant failed", { error }),
    tokens,
    jwt: keys?.options,
    ...(anonymous && { anonymous: { "*": { read: true, ...(anonymous === "write" && WRITE) } } }),
  })
  file?.watch((table) => access.reload(table))
  const close = () => {
    file?.close()
    keys?.close()
    access.close()
  }
  return { access, close }
}

const WRITE = { write: true } as const

async function openKeys(runtime: Runtime, { keys, ...rules }: JwtConfig, log: Log) {
  if (keys.type === "secret") {
    const text = await readFile(runtime, "jwt-secret-file", keys.from)
    const key = encodeUtf8(text.replace(/\r?\n$/, ""))
    if (key.length < SECRET_BYTES_MIN) {
      throw new ConfigError(
        `--jwt-secret-file ${keys.from} has ${key.length} bytes; ${SECRET_BYTES_MIN} are needed`,
      )
    }
    return { options: { key, ...rules } satisfies JwtOptions, close: () => {} }
  }
  const { from } = keys
  const readKeys = async () => parseKeySet(await readFile(runtime, "jwks", from))
  const fetchKeys = keys.type === "url" ? fetchKeySet(from, fetch) : readKeys
  if (keys.type === "file") {
    await readKeys().catch((error) => {
      throw new ConfigError(`--jwks ${from}: ${(error as Error).message}`)
    })
  }
  const set = new KeySet(fetchKeys, systemClock, (error) =>
    log("the keys of the token issuer cannot be read; the last ones are used for 24 h", { error }),
  )
  return { options: { key: set.getKey, ...rules } satisfies JwtOptions, close: () => set.close() }
}

async function readFile(runtime: Runtime, flag: string, path: string): Promise<string> {
  try {
    return await runtime.readText(path)
  } catch (error) {
    throw new ConfigError(`--${flag} ${path} cannot be read: ${(error as Error).message}`)
  }
}
