import type { DrainPlan } from "../drain/drain-state.ts"
import { isLoopback } from "../http/host.ts"
import type { HubLimits } from "../limits.ts"
import type { TopicOptions } from "../topic.ts"
import { type AccessConfig, readAccess } from "./access-config.ts"
import type { CertificatePaths } from "./certificate-files.ts"
import { ConfigError } from "./config-error.ts"
import { limitsOf } from "./settings/rows/limits.ts"
import { topicMemoryOf } from "./settings/rows/memory.ts"
import type { Address } from "./settings/rows/serving.ts"
import type { SettingValues } from "./settings/table.ts"
import { parseTopic, type TopicConfig } from "./topic-config.ts"

/** The settings of a hub, as far as they depend on each other. */
export interface Config {
  readonly listen: Address
  /** The files of the certificate by which the hub serves HTTPS; plain HTTP without them. */
  readonly tls: CertificatePaths | undefined
  /** At least one; names are unique. */
  readonly topics: readonly TopicConfig[]
  /** Access as the operator chose it; on loopback every client may write unless it was chosen. */
  readonly access: AccessConfig | undefined
  /** The path of the audit log; `-` for standard output. */
  readonly audit: string | undefined
  /** Addresses of proxies whose word on a client's address counts, as CIDR. */
  readonly trustedProxies: readonly string[]
  /** Origins whose pages may use this hub. */
  readonly cors: readonly string[]
  /** Names by which a hub on loopback may be addressed, beside loopback's own. Without a port. */
  readonly hosts: readonly string[]
  /** True when streams go out in gzip to readers that accept it. */
  readonly compress: boolean
  /** The address that serves metrics alone, if there is one. */
  readonly metricsListen: Address | undefined
  /** Bounds of the hub. */
  readonly limits: Partial<HubLimits>
  /** The most bytes of the state of each topic. */
  readonly topicMemory: number
  readonly cache: NonNullable<TopicOptions["cache"]>
  /** Times of a drain, if the operator chose any: then there are other hubs. */
  readonly drain: Partial<DrainPlan> | undefined
}

/**
 * Reads what the values of settings mean together. Pure: it opens nothing.
 *
 * @throws {ConfigError} with one line on what is wrong.
 */
export function readConfig(values: SettingValues): Config {
  const { listen } = values
  const access = readAccess(values)
  if (access === undefined && !isLoopback(listen.hostname)) {
    throw new ConfigError(
      `listening on ${listen.hostname}, beyond this machine, needs --allow-anonymous read or ` +
        "write, or --tokens, or JWTs",
    )
  }
  const topics = values.topic.map(parseTopic)
  if (topics.length === 0) throw new ConfigError("a hub serves at least one topic: see --topic")
  const twice = topics.find(
    (topic, index) => topics.findIndex((t) => t.name === topic.name) < index,
  )
  if (twice) throw new ConfigError(`topic "${twice.name}" is given twice`)
  return {
    listen,
    tls: tlsOf(values),
    topics,
    access,
    audit: values.audit,
    trustedProxies: values["trusted-proxy"],
    cors: values.cors,
    hosts: values["allow-host"],
    compress: values.compress,
    metricsListen: values["metrics-listen"],
    limits: limitsOf(values),
    topicMemory: topicMemoryOf(values, topics.length),
    cache: { historyMs: values.history, tombstoneBytesMax: values["history-size"] },
    drain: drainOf(values),
  }
}

function tlsOf({ "tls-cert": cert, "tls-key": key }: SettingValues): CertificatePaths | undefined {
  if (cert === undefined && key === undefined) return undefined
  if (cert !== undefined && key !== undefined) return { cert, key }
  throw new ConfigError("HTTPS needs both --tls-cert and --tls-key: only one of them is set")
}

function drainOf(values: SettingValues): Partial<DrainPlan> | undefined {
  const { "drain-delay": delayMs, "drain-time": timeMs } = values
  if (delayMs === undefined && timeMs === undefined) return undefined
  return { ...(delayMs !== undefined && { delayMs }), ...(timeMs !== undefined && { timeMs }) }
}
