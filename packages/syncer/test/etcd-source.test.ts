import { systemClock } from "@headwater/core"
import { sourceConformance } from "@headwater/testing/conformance"
import { type Etcd, etcdAvailable, startEtcd } from "@headwater/testing/etcd"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { etcdSource } from "../src/sources/etcd/index.ts"

const available = etcdAvailable()
if (!available && process.env.HEADWATER_REQUIRE_ETCD === "1") throw new Error("no etcd on the PATH")

describe.skipIf(!available)("etcd, when there is an etcd on the PATH", () => {
  let etcd: Etcd
  let prefixes = 0

  beforeAll(async () => {
    etcd = await startEtcd()
  })
  afterAll(() => etcd.dispose())

  const open = (prefix = `/topic ${prefixes++}/`) =>
    etcdSource({ endpoints: [etcd.url], prefix, write: true, clock: systemClock })

  sourceConformance({ describe, test, expect }, "EtcdSource", async () => {
    const source = open()
    return {
      source,
      compact: async () => {
        await etcd.compact()
      },
      openCalls: () => source.open,
      close: async () => {},
    }
  })
})
