import type { SourceType } from "@headwater/core"
import { ETCD_VARIABLES, etcdAccess, parseEtcdAddress } from "../etcd-address.ts"
import { etcdSource } from "./etcd-source.ts"

/** `etcd://HOST:PORT/PREFIX/` on a command line. */
export const etcdType: SourceType<typeof fetch> = {
  schemes: ["etcd:", "etcds:"],
  writes: "if-asked",
  forms: [
    ["etcd://HOST:PORT[,HOST:PORT]/PREFIX/", "the keys of an etcd (v3) under /PREFIX/"],
    ["etcds://HOST:PORT[,HOST:PORT]/PREFIX/", "the same by TLS"],
  ],
  options: [
    {
      name: "marker",
      pattern: /^[01]$/,
      help: [
        "marker=1",
        "detect a restored etcd by a marker key that the hub writes; with write=1 unless 0",
      ],
    },
    {
      name: "reads",
      pattern: /^(linear|serial)izable$/,
      help: ["reads=serializable", "let any member of etcd answer a list"],
    },
    {
      name: "history",
      pattern: /^\d{1,9}$/,
      help: ["history=REVISIONS", "how far back a hub that starts begins; 20000 unless given"],
    },
  ],
  variables: ETCD_VARIABLES,
  parse({ scheme, rest, options, write }) {
    const address = parseEtcdAddress(scheme, rest)
    const reads = options.get("reads") as "linearizable" | "serializable" | undefined
    const history = options.get("history")
    const marker = options.get("marker")
    return {
      kind: "etcd",
      async open(context) {
        return etcdSource({
          ...address,
          ...(await etcdAccess(context, address)),
          clock: context.clock,
          write,
          marker: marker === undefined ? write : marker === "1",
          ...(reads && { reads }),
          ...(history && { historyRevisionsMax: Number(history) }),
        })
      },
    }
  },
}
