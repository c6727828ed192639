import { OptionError, type SourceContext } from "@headwater/core"
import type { Secret } from "./secret.ts"

const PORT_DEFAULT = 2379

/** Members of an etcd, and the keys of a topic there. */
export interface EtcdAddress {
  /** `http://HOST:PORT` or `https://HOST:PORT`, in the order given. */
  readonly endpoints: readonly string[]
  /** With its leading slash. */
  readonly prefix: string
}

/**
 * Reads `//HOST:PORT[,HOST:PORT]…/PREFIX/`.
 *
 * @param scheme `etcd:` or `etcd2:`, or with an s for TLS.
 * @throws {OptionError} with one line, which never repeats a credential.
 */
export function parseEtcdAddress(scheme: string, rest: string): EtcdAddress {
  const [, hosts = "", prefix] = /^\/\/([^/]*)(\/.*)?$/.exec(rest) ?? []
  if (hosts.includes("@")) {
    throw new OptionError(
      scheme,
      "credentials do not go into arguments, but into HEADWATER_ETCD_USERNAME …",
    )
  }
  const protocol = scheme.endsWith("s:") ? "https" : "http"
  const endpoints = hosts.split(",").map((host) => `${protocol}://${memberOf(scheme, host)}`)
  if (prefix === undefined) {
    throw new OptionError(scheme, `the address has no prefix: write ${scheme}//${hosts}/PREFIX/`)
  }
  try {
    return { endpoints, prefix: decodeURIComponent(prefix) }
  } catch {
    throw new OptionError(scheme, `the prefix "${prefix}" is not URL-encoded UTF-8`)
  }
}

function memberOf(scheme: string, host: string): string {
  const match = /^(\[[0-9A-Fa-f:.]+\]|[^\s:[\]]+)(?::(\d{1,5}))?$/.exec(host)
  if (!match || Number(match[2] ?? 0) > 65_535) {
    throw new OptionError(scheme, `"${host}" is not HOST:PORT of an etcd`)
  }
  return `${match[1]}:${match[2] ?? PORT_DEFAULT}`
}

/** Variables that say how an etcd is reached, for help. */
export const ETCD_VARIABLES = [
  ["HEADWATER_ETCD_USERNAME", "and HEADWATER_ETCD_PASSWORD, or HEADWATER_ETCD_PASSWORD_FILE"],
  ["HEADWATER_ETCD_CA_FILE", "the authority that etcds and etcd2s topics trust; PEM"],
  ["HEADWATER_ETCD_CERT_FILE", "and HEADWATER_ETCD_KEY_FILE: the hub's certificate for etcd; PEM"],
] as const

/**
 * The credentials and the `fetch` for an etcd, by the environment.
 *
 * @throws {OptionError} half of a credential is set, or a file cannot be read.
 */
export async function etcdAccess(
  context: SourceContext<typeof fetch>,
  { endpoints }: EtcdAddress,
): Promise<{ username?: string; password?: Secret; fetch?: typeof fetch }> {
  const username = context.variable("HEADWATER_ETCD_USERNAME")
  const password = await context.secret("HEADWATER_ETCD_PASSWORD")
  if (!username && password !== undefined) {
    throw new OptionError("etcd", "HEADWATER_ETCD_PASSWORD needs HEADWATER_ETCD_USERNAME")
  }
  if (username && password === undefined) {
    throw new OptionError("etcd", "HEADWATER_ETCD_USERNAME needs HEADWATER_ETCD_PASSWORD or …_FILE")
  }
  const secure = await context.fetchWith("HEADWATER_ETCD")
  const isSecure = endpoints[0]?.startsWith("https:")
  return {
    ...(username && password !== undefined && { username, password: withoutNewline(password) }),
    ...(isSecure && secure && { fetch: secure }),
  }
}

// An editor ends a file with a newline, which is no part of the password.
function withoutNewline(secret: Secret): Secret {
  if (typeof secret === "string") return secret
  return async () => (await secret()).replace(/\r?\n$/, "")
}
