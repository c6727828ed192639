import { isHostname, isLoopback } from "../http/host.ts"
import { type Arguments, readArguments } from "../runtime/arguments.ts"
import { ConfigError } from "./config-error.ts"
import { parseTopic, type TopicConfig } from "./topic-config.ts"

/** The settings of a hub, read from the command line and the environment. */
export interface Config {
  readonly listen: { readonly hostname: string; readonly port: number }
  /** At least one; names are unique. */
  readonly topics: readonly TopicConfig[]
  /** Access of a client without a token. */
  readonly anonymous: "read" | "write"
  /** True when the operator chose that access; on loopback it is `write` unless chosen. */
  readonly isAccessChosen: boolean
  /** Origins whose pages may use this hub. */
  readonly cors: readonly string[]
  /** Names by which a hub on loopback may be addressed, beside loopback's own. Without a port. */
  readonly hosts: readonly string[]
  /** True when streams go out in gzip to readers that accept it. */
  readonly compress: boolean
}

/** The meaning of a command line: to serve, to print something, or it is wrong. */
export type Command =
  | { readonly type: "serve"; readonly config: Config }
  | { readonly type: "help" }
  | { readonly type: "version" }
  | { readonly type: "wrong"; readonly line: string }

/** The topic that is served when none is named. */
const DEFAULT_TOPIC = "default=sqlite:./data/default.db"

const OPTIONS = {
  listen: "value",
  topic: "value",
  "allow-anonymous": "value",
  "allow-host": "value",
  cors: "value",
  compress: "flag",
  help: "flag",
  version: "flag",
} as const

/**
 * Reads arguments and environment. Pure: it opens nothing, and never throws.
 *
 * Arguments win over the environment, name by name: one `--topic` hides all of `HEADWATER_TOPICS`.
 */
export function readCommand(
  args: readonly string[],
  env: (name: string) => string | undefined,
): Command {
  try {
    const given = readArguments(args, OPTIONS)
    if (given.help) return { type: "help" }
    if (given.version) return { type: "version" }
    return { type: "serve", config: readConfig(given, env) }
  } catch (error) {
    return { type: "wrong", line: lineOf(error) }
  }
}

function readConfig(given: Arguments, env: (name: string) => string | undefined): Config {
  const listen = parseListen(last(given, "listen") ?? env("HEADWATER_LISTEN") ?? "127.0.0.1:8080")
  const anonymous = last(given, "allow-anonymous")
  if (anonymous !== undefined && anonymous !== "read" && anonymous !== "write") {
    throw new ConfigError(`--allow-anonymous takes read or write, not "${anonymous}"`)
  }
  if (anonymous === undefined && !isLoopback(listen.hostname)) {
    throw new ConfigError(
      `listening on ${listen.hostname}, beyond this machine, needs --allow-anonymous read or write`,
    )
  }
  const named = given.topic ?? splitTopics(env("HEADWATER_TOPICS") ?? "")
  const topics = (named.length > 0 ? named : [DEFAULT_TOPIC]).map(parseTopic)
  const twice = topics.find(
    (topic, index) => topics.findIndex((t) => t.name === topic.name) < index,
  )
  if (twice) throw new ConfigError(`topic "${twice.name}" is given twice`)

  return {
    listen,
    topics,
    anonymous: anonymous ?? "write",
    isAccessChosen: anonymous !== undefined,
    cors: (given.cors ?? []).map(parseOrigin),
    hosts: (given["allow-host"] ?? []).map(parseHost),
    compress: given.compress !== undefined,
  }
}

function parseListen(text: string): { hostname: string; port: number } {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (!match || port > 65_535) {
    throw new ConfigError(`--listen takes HOST:PORT, such as 127.0.0.1:8080, not "${text}"`)
  }
  return { hostname: (match[1] ?? match[2])!, port }
}

/** Topics in the environment stand apart by white space or semicolons. */
function splitTopics(text: string): string[] {
  return text.split(/[\s;]+/).filter((part) => part !== "")
}

function parseHost(text: string): string {
  if (isHostname(text)) return text.toLowerCase()
  throw new ConfigError(`--allow-host takes a name without a port, not "${text}"`)
}

function parseOrigin(text: string): string {
  let origin: string | undefined
  try {
    origin = new URL(text).origin
  } catch {
    // Said below, as for every other text that is no origin.
  }
  if (origin === undefined || origin === "null" || origin !== text.toLowerCase()) {
    throw new ConfigError(`--cors takes an origin, such as https://example.org, not "${text}"`)
  }
  return origin
}

function last(given: Arguments, name: string): string | undefined {
  return given[name]?.at(-1)
}

function lineOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.split("\n")[0]!
}
