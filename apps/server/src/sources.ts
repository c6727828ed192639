import type { Clock, Source } from "@headwater/core"
import { etcdSource } from "@headwater/syncer/etcd"
import { memorySource } from "@headwater/syncer/memory"
import type { SourceConfig } from "./topic-config.ts"

/** A name and a password, as text. */
export interface Credentials {
  readonly username: string
  readonly password: string
}

/** Opens the source that a topic was configured with. */
export function openSource(
  config: SourceConfig,
  clock: Clock,
  credentials: Credentials | undefined,
): Source {
  if (config.type === "etcd") {
    const { endpoints, prefix, write } = config
    return etcdSource({ endpoints: [...endpoints], prefix, write, clock, ...credentials })
  }
  const source: Source = memorySource()
  return config.write ? source : readOnly(source)
}

function readOnly(source: Source): Source {
  return {
    name: source.name,
    identity: (signal) => source.identity(signal),
    revision: (signal) => source.revision(signal),
    list: (request, signal) => source.list(request, signal),
    watch: (from, signal) => source.watch(from, signal),
    close: () => source.close(),
  }
}
