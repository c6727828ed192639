import { hubType } from "@headwater/client/source"
import type { SourceType } from "@headwater/core"
import { etcdType } from "@headwater/syncer/etcd"
import { etcd2Type } from "@headwater/syncer/etcd2"
import { memoryType } from "@headwater/syncer/memory"
import { sqliteType } from "@headwater/syncer/sqlite"

/** Every kind of source that `--topic` knows, in the order of help. A new one is a line here. */
export const SOURCE_TYPES: readonly SourceType<typeof fetch>[] = [
  sqliteType,
  memoryType,
  etcdType,
  etcd2Type,
  hubType,
]
