import { TOPIC_PATTERN, type ValueKind } from "@headwater/protocol"
import { ConfigError } from "./config-error.ts"

/** A topic as the operator named it. */
export interface TopicConfig {
  readonly name: string
  readonly source: SourceConfig
  readonly values: ValueKind
}

/** Where a topic comes from. */
export type SourceConfig =
  | { readonly type: "memory"; readonly write: boolean }
  /** A file, absolute or from where the hub was started. */
  | { readonly type: "sqlite"; readonly path: string; readonly write: boolean }
  | {
      readonly type: "etcd"
      /** `http://HOST:PORT`, of `etcds:` `https:`, in the order given. */
      readonly endpoints: readonly string[]
      /** With its leading slash; keys of the topic are what follows it. */
      readonly prefix: string
      readonly write: boolean
      /** As `write` where nothing is said. */
      readonly marker: boolean
      readonly reads?: "linearizable" | "serializable"
      readonly historyRevisionsMax?: number
    }
  | {
      readonly type: "etcd2"
      /** `http://HOST:PORT`, of `etcd2s:` `https:`, in the order given. */
      readonly endpoints: readonly string[]
      /** With a slash at both ends. */
      readonly prefix: string
      /** v2 has no transactions. */
      readonly write: false
    }
  /** A topic of another hub. */
  | {
      readonly type: "hub"
      /** Without a slash at its end. */
      readonly url: string
      readonly topic: string
      readonly write: boolean
      /** Holds the token for this hub; absent where it is that of all. */
      readonly tokenFile?: string
    }

/**
 * Reads `NAME=SOURCE`.
 *
 *   sqlite:PATH[?values=json|text|binary][&write=0]
 *   memory:[?values=json|text|binary]
 *   etcd://HOST:PORT[,HOST:PORT]…/PREFIX/[?values=json|text|binary][&write=1][&marker=1]
 *     [&reads=serializable][&history=REVISIONS]; etcds: for TLS
 *   etcd2://HOST:PORT[,HOST:PORT]…/DIRECTORY/[?values=json|text]; etcd2s: for TLS
 *   headwater+http://HOST[:PORT]/TOPIC[?values=json|text|binary][&write=1][&token-file=PATH]
 *     or headwater+https:
 *
 * @throws {ConfigError} with one line that says what is wrong with it.
 */
export function parseTopic(text: string): TopicConfig {
  const at = text.indexOf("=")
  const name = text.slice(0, Math.max(at, 0))
  if (at < 0 || !TOPIC_PATTERN.test(name)) {
    throw new ConfigError(`--topic takes NAME=SOURCE, such as default=memory:, not "${hide(text)}"`)
  }
  const source = text.slice(at + 1)
  const scheme = /^[a-z0-9+]+:/.exec(source)?.[0] ?? ""
  const [path = "", ...query] = source.split("?")
  const isEtcd = scheme === "etcd:" || scheme === "etcds:"
  const isHub = scheme === "headwater+http:" || scheme === "headwater+https:"
  const options = parseOptions(name, query.join("?"), { isEtcd, isHub })
  if (scheme === "memory:" && path === "memory:") {
    const write = options.write ?? true
    return { name, values: options.values, source: { type: "memory", write } }
  }
  if (scheme === "sqlite:") {
    const write = options.write ?? true
    const source = { type: "sqlite", path: parsePath(name, path), write } as const
    return { name, values: options.values, source }
  }
  if (isEtcd) {
    const { values, write = false, marker = write, ...others } = options
    const source = { type: "etcd", ...parseEtcd(name, path), write, marker, ...others } as const
    return { name, values, source }
  }
  if (scheme === "etcd2:" || scheme === "etcd2s:") {
    if (options.write) throw new ConfigError(`topic "${name}": ${scheme} cannot be written`)
    const source = { type: "etcd2", ...parseEtcd2(name, path), write: false } as const
    return { name, values: options.values, source }
  }
  if (isHub) {
    const { values, write = false, tokenFile } = options
    const own = tokenFile === undefined ? {} : { tokenFile }
    const source = { type: "hub", ...parseHub(name, path), write, ...own } as const
    return { name, values, source }
  }
  throw new ConfigError(
    `topic "${name}": a source is sqlite:PATH, memory: or etcd://HOST:PORT/PREFIX/, ` +
      `not "${hide(source)}"`,
  )
}

interface TopicOptions {
  values: ValueKind
  write?: boolean
  marker?: boolean
  reads?: "linearizable" | "serializable"
  historyRevisionsMax?: number
  tokenFile?: string
}

function parseOptions(
  name: string,
  query: string,
  { isEtcd, isHub }: { readonly isEtcd: boolean; readonly isHub: boolean },
): TopicOptions {
  const options: TopicOptions = { values: "json" }
  for (const [key, value] of new URLSearchParams(query)) {
    const isFlag = value === "1" || value === "0"
    if (key === "values" && (value === "json" || value === "text" || value === "binary")) {
      options.values = value
    } else if (key === "write" && isFlag) {
      options.write = value === "1"
    } else if (isEtcd && key === "marker" && isFlag) {
      options.marker = value === "1"
    } else if (isEtcd && key === "reads" && /^(linear|serial)izable$/.test(value)) {
      options.reads = value as "linearizable" | "serializable"
    } else if (isEtcd && key === "history" && /^\d{1,9}$/.test(value)) {
      options.historyRevisionsMax = Number(value)
    } else if (isHub && key === "token-file" && value !== "") {
      options.tokenFile = value
    } else if (/token|password/i.test(key)) {
      throw new ConfigError(
        `topic "${name}": a token does not go into arguments, but into HEADWATER_HUB_TOKEN, or ` +
          "into a file that HEADWATER_HUB_TOKEN_FILE or ?token-file=PATH of the topic names",
      )
    } else {
      const etcds = isEtcd ? ", marker=1, reads=serializable, history=REVISIONS" : ""
      throw new ConfigError(
        `topic "${name}": ?${key}=${value} is none of values=json|text|binary, write=1${etcds}`,
      )
    }
  }
  return options
}

function parsePath(name: string, source: string): string {
  const path = source.slice("sqlite:".length)
  if (path === "" || path.endsWith("/") || path.startsWith(":")) {
    throw new ConfigError(`topic "${name}": say which file: sqlite:./data/${name}.db`)
  }
  try {
    return decodeURIComponent(path)
  } catch {
    throw new ConfigError(`topic "${name}": the path "${path}" is not URL-encoded UTF-8`)
  }
}

function parseEtcd2(name: string, path: string): { endpoints: string[]; prefix: string } {
  const parsed = parseEtcd(name, path.replace(/^etcd2(s?):/, "etcd$1:"))
  if (parsed.prefix.endsWith("/")) return parsed
  throw new ConfigError(`topic "${name}": a directory of etcd2: ends with a slash`)
}

function parseHub(name: string, path: string): { url: string; topic: string } {
  const match = /^headwater\+(https?:\/\/[^/@\s]+(?:\/[^\s]*)?)\/([^/]*)$/.exec(path)
  const [, url = "", topic = ""] = match ?? []
  if (!TOPIC_PATTERN.test(topic) || !URL.canParse(url)) {
    throw new ConfigError(
      `topic "${name}": say which topic of which hub: headwater+http://HOST:PORT/TOPIC`,
    )
  }
  return { url, topic }
}

function parseEtcd(name: string, path: string): { endpoints: string[]; prefix: string } {
  const match = /^(etcds?):\/\/([^/]*)(\/.*)?$/.exec(path)
  const [, scheme, hosts = "", prefix] = match ?? []
  if (hosts.includes("@")) {
    throw new ConfigError(
      `topic "${name}": credentials do not go into arguments, but into HEADWATER_ETCD_USERNAME …`,
    )
  }
  const endpoints = hosts
    .split(",")
    .map((host) => `${scheme === "etcds" ? "https" : "http"}://${placeOf(name, host)}`)
  if (prefix === undefined) {
    throw new ConfigError(`topic "${name}": say which keys: etcd://${hosts}/PREFIX/`)
  }
  try {
    return { endpoints, prefix: decodeURIComponent(prefix) }
  } catch {
    throw new ConfigError(`topic "${name}": the prefix "${prefix}" is not URL-encoded UTF-8`)
  }
}

function placeOf(name: string, host: string): string {
  const match = /^(\[[0-9A-Fa-f:.]+\]|[^\s:[\]]+)(?::(\d{1,5}))?$/.exec(host)
  if (!match || Number(match[2] ?? 0) > 65_535) {
    throw new ConfigError(`topic "${name}": "${host}" is not HOST:PORT of an etcd`)
  }
  return `${match[1]}:${match[2] ?? 2379}`
}

/** What a line may repeat of a source: never what could be a password. */
function hide(source: string): string {
  return source.replace(/\/\/[^/]*@/, "//…@")
}
