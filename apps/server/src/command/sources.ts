import { type HubSourceOptions, hubSource } from "@headwater/client/source"
import type { Clock, Source } from "@headwater/core"
import type { ValueKind } from "@headwater/protocol"
import { mapSource } from "@headwater/syncer"
import { etcdSource } from "@headwater/syncer/etcd"
import { etcd2Source } from "@headwater/syncer/etcd2"
import { memorySource } from "@headwater/syncer/memory"
import { sqliteSource } from "@headwater/syncer/sqlite"
import type { SourceConfig } from "./topic-config.ts"

/** A name and a password, as text or read anew for each use. */
export interface Credentials {
  readonly username: string
  readonly password: string | (() => Promise<string>)
}

/** How the hubs above are reached. */
export interface HubAccess {
  /** Of a topic that names a file of its own, or of all others. */
  readonly tokenOf: (file: string | undefined) => HubSourceOptions["token"]
  /** For `headwater+https:` alone. */
  readonly secureFetch?: typeof fetch
}

/** How sources are reached that are not in this process. */
export interface SourceAccess {
  readonly etcd: EtcdAccess
  readonly hub: HubAccess
}

/** How a topic's etcd is reached: who the hub is there, and by which `fetch` it goes. */
export interface EtcdAccess {
  readonly credentials?: Credentials
  /** For `etcds:` and `etcd2s:` alone. */
  readonly secureFetch?: typeof fetch
}

/**
 * Opens the source that a topic was configured with.
 *
 * @throws {SourceError} one line that says why its file cannot be used.
 */
export function openSource(
  config: SourceConfig,
  clock: Clock,
  access: SourceAccess,
  values: ValueKind,
  warn?: (line: string) => void,
): Source {
  if (config.type === "etcd") {
    const { type, ...options } = config
    return etcdSource({ ...options, clock, ...accessTo(options.endpoints, access.etcd) })
  }
  if (config.type === "etcd2") {
    const { endpoints, prefix } = config
    return etcd2Source({ endpoints, prefix, clock, ...accessTo(endpoints, access.etcd) })
  }
  if (config.type === "hub") {
    const { tokenFile, topic, url, write } = config
    const fetch = url.startsWith("https:") ? access.hub.secureFetch : undefined
    const token = access.hub.tokenOf(tokenFile)
    return hubSource({ url, topic, write, values, clock, token, fetch })
  }
  const source: Source =
    config.type === "sqlite"
      ? sqliteSource({ path: config.path, clock, ...(warn && { warn }) })
      : memorySource()
  return config.write ? source : mapSource(source, { write: undefined })
}

function accessTo(endpoints: readonly string[], { credentials, secureFetch }: EtcdAccess) {
  const isSecure = endpoints[0]?.startsWith("https:")
  return { ...credentials, ...(isSecure && secureFetch && { fetch: secureFetch }) }
}
