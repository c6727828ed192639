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
      /** `http://HOST:PORT`, in the order given. */
      readonly endpoints: readonly string[]
      /** With its leading slash; keys of the topic are what follows it. */
      readonly prefix: string
      readonly write: boolean
    }
  | {
      readonly type: "etcd2"
      readonly endpoints: readonly string[]
      /** With a slash at both ends. */
      readonly prefix: string
      /** v2 has no transactions. */
      readonly write: false
    }

/** Words that later versions give a meaning, so that no one gives them another. */
const RESERVED = ["etcds:", "headwater+http:", "headwater+https:"]

/**
 * Reads `NAME=SOURCE`.
 *
 *   sqlite:PATH[?values=json|text|binary][&write=0]
 *   memory:[?values=json|text|binary]
 *   etcd://HOST:PORT[,HOST:PORT]…/PREFIX/[?values=json|text|binary][&write=1]
 *   etcd2://HOST:PORT[,HOST:PORT]…/DIRECTORY/[?values=json|text]
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
  if (RESERVED.includes(scheme)) {
    throw new ConfigError(
      `topic "${name}": ${scheme} is not there yet; there is sqlite:, memory:, etcd: and etcd2:`,
    )
  }
  const [path = "", ...query] = source.split("?")
  const options = parseOptions(name, query.join("?"))
  if (scheme === "memory:" && path === "memory:") {
    const write = options.write ?? true
    return { name, values: options.values, source: { type: "memory", write } }
  }
  if (scheme === "sqlite:") {
    const write = options.write ?? true
    const source = { type: "sqlite", path: parsePath(name, path), write } as const
    return { name, values: options.values, source }
  }
  if (scheme === "etcd:") {
    const write = options.write ?? false
    const source = { type: "etcd", ...parseEtcd(name, path), write } as const
    return { name, values: options.values, source }
  }
  if (scheme === "etcd2:") {
    if (options.write) throw new ConfigError(`topic "${name}": etcd2: cannot be written`)
    const source = { type: "etcd2", ...parseEtcd2(name, path), write: false } as const
    return { name, values: options.values, source }
  }
  throw new ConfigError(
    `topic "${name}": a source is sqlite:PATH, memory: or etcd://HOST:PORT/PREFIX/, ` +
      `not "${hide(source)}"`,
  )
}

function parseOptions(name: string, query: string): { values: ValueKind; write?: boolean } {
  const options: { values: ValueKind; write?: boolean } = { values: "json" }
  for (const [key, value] of new URLSearchParams(query)) {
    if (key === "values" && (value === "json" || value === "text" || value === "binary")) {
      options.values = value
    } else if (key === "write" && (value === "1" || value === "0")) {
      options.write = value === "1"
    } else {
      throw new ConfigError(
        `topic "${name}": ?${key}=${value} is none of values=json|text|binary, write=1`,
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
  const parsed = parseEtcd(name, path.replace(/^etcd2:/, "etcd:"))
  if (parsed.prefix.endsWith("/")) return parsed
  throw new ConfigError(`topic "${name}": a directory of etcd2: ends with a slash`)
}

function parseEtcd(name: string, path: string): { endpoints: string[]; prefix: string } {
  const match = /^etcd:\/\/([^/]*)(\/.*)?$/.exec(path)
  const hosts = match?.[1] ?? ""
  if (hosts.includes("@")) {
    throw new ConfigError(
      `topic "${name}": credentials do not go into arguments, but into HEADWATER_ETCD_USERNAME …`,
    )
  }
  const endpoints = hosts.split(",").map((host) => endpointOf(name, host))
  if (match?.[2] === undefined) {
    throw new ConfigError(`topic "${name}": say which keys: etcd://${hosts}/PREFIX/`)
  }
  try {
    return { endpoints, prefix: decodeURIComponent(match[2]) }
  } catch {
    throw new ConfigError(`topic "${name}": the prefix "${match[2]}" is not URL-encoded UTF-8`)
  }
}

function endpointOf(name: string, host: string): string {
  const match = /^(\[[0-9A-Fa-f:.]+\]|[^\s:[\]]+)(?::(\d{1,5}))?$/.exec(host)
  if (!match || Number(match[2] ?? 0) > 65_535) {
    throw new ConfigError(`topic "${name}": "${host}" is not HOST:PORT of an etcd`)
  }
  return `http://${match[1]}:${match[2] ?? 2379}`
}

/** What a line may repeat of a source: never what could be a password. */
function hide(source: string): string {
  return source.replace(/\/\/[^/]*@/, "//…@")
}
