import { OptionError, type SourceType } from "@headwater/core"
import { ETCD_VARIABLES, etcdAccess, parseEtcdAddress } from "../etcd-address.ts"
import { etcd2Source } from "./etcd2-source.ts"

/** `etcd2://HOST:PORT/DIRECTORY/` on a command line. Read-only: v2 has no transactions. */
export const etcd2Type: SourceType<typeof fetch> = {
  schemes: ["etcd2:", "etcd2s:"],
  writes: "never",
  forms: [
    ["etcd2://HOST:PORT[,HOST:PORT]/DIRECTORY/", "the files of an etcd (v2 keys API)"],
    ["etcd2s://HOST:PORT[,HOST:PORT]/DIRECTORY/", "the same by TLS"],
  ],
  options: [],
  variables: ETCD_VARIABLES,
  parse({ scheme, rest }) {
    const address = parseEtcdAddress(scheme, rest)
    if (!address.prefix.endsWith("/")) {
      throw new OptionError(scheme, `a directory of ${scheme} ends with a slash`)
    }
    return {
      kind: "etcd2",
      async open(context) {
        const { clock } = context
        return etcd2Source({ ...address, ...(await etcdAccess(context, address)), clock })
      },
    }
  },
}
