import { ConfigError } from "./config-error.ts"
import { reasonAgainstKeySetUrl } from "./fetch-key-set.ts"
import type { SettingValues } from "./settings/table.ts"

/** The origins of grants, as settings name them. */
export interface AccessConfig {
  /** Access of a client without a token; as the token file says where it is absent. */
  readonly anonymous: "read" | "write" | undefined
  /** The path of the token file. */
  readonly tokens: string | undefined
  readonly jwt: JwtConfig | undefined
}

/** The rules for JWTs. */
export interface JwtConfig {
  readonly keys:
    | { readonly type: "url" | "file"; readonly from: string }
    | { readonly type: "secret"; readonly from: string }
  readonly issuer: string
  readonly audience: string
  readonly type: "at+jwt" | "any"
}

/**
 * Reads the settings of access; `undefined` where the operator chose none.
 *
 * @throws {ConfigError} they contradict each other, or a part is missing.
 */
export function readAccess(values: SettingValues): AccessConfig | undefined {
  const { "allow-anonymous": anonymous, tokens } = values
  const jwt = readJwt(values)
  if (anonymous === undefined && tokens === undefined && jwt === undefined) return undefined
  return { anonymous, tokens, jwt }
}

function readJwt(values: SettingValues): JwtConfig | undefined {
  const { jwks, "jwt-secret-file": secret, "jwt-issuer": issuer, "jwt-audience": audience } = values
  if (jwks !== undefined && secret !== undefined) {
    throw new ConfigError("--jwks and --jwt-secret-file exclude each other: give one of them")
  }
  if (jwks === undefined && secret === undefined) {
    if (issuer === undefined && audience === undefined) return undefined
    throw new ConfigError("--jwt-issuer and --jwt-audience need --jwks or --jwt-secret-file")
  }
  if (issuer === undefined || audience === undefined) {
    throw new ConfigError(
      "JWTs need --jwt-issuer and --jwt-audience: else every token of that issuer opens this hub",
    )
  }
  const type = values["jwt-type"]
  if (secret !== undefined) {
    return { keys: { type: "secret", from: secret }, issuer, audience, type }
  }
  const from = jwks!
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(from)) {
    return { keys: { type: "file", from }, issuer, audience, type }
  }
  const reason = reasonAgainstKeySetUrl(from)
  if (reason !== undefined) throw new ConfigError(`--jwks ${from}: ${reason}`)
  return { keys: { type: "url", from }, issuer, audience, type }
}
