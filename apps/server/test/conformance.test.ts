import { memorySource } from "@headwater/syncer/memory"
import { describe, expect, test } from "vitest"
import type { HubOptions } from "../src/hub-options.ts"
import { type ServerUnderTest, serverConformance } from "./conformance.ts"
import { serveHub } from "./support/served-hub.ts"

const topics = { json: "json", text: "text", binary: "binary", readOnly: "locked" }

// HEADWATER_URL: a hub that runs elsewhere, perhaps on another runtime, with these topics:
//   --topic json=memory: --topic text=memory:?values=text --topic binary=memory:?values=binary
//   --topic locked=memory:?write=0
const url = process.env.HEADWATER_URL

serverConformance({ describe, test, expect }, url ?? "in this process", async () => {
  return url === undefined ? open() : { url, topics, close: async () => {} }
})

// What asks here is the runtime's own `fetch`, which accepts gzip and takes it apart.
if (url === undefined) {
  serverConformance({ describe, test, expect }, "in gzip", () => open({ compress: true }))
}

async function open(options: Partial<HubOptions> = {}): Promise<ServerUnderTest> {
  const { write: _, ...locked } = readable(memorySource())
  const served = await serveHub({
    ...options,
    topics: [
      { name: topics.json, source: memorySource() },
      { name: topics.text, source: memorySource(), values: "text" },
      { name: topics.binary, source: memorySource(), values: "binary" },
      { name: topics.readOnly, source: locked },
    ],
  })
  return {
    url: served.url,
    topics,
    async close() {
      await served.close()
      expect(served.log.filter((line) => line.includes("failed"))).toEqual([])
    },
  }
}

/** The methods of a source, as an object of its own. */
function readable(source: ReturnType<typeof memorySource>) {
  return {
    name: source.name,
    identity: source.identity.bind(source),
    revision: source.revision.bind(source),
    list: source.list.bind(source),
    watch: source.watch.bind(source),
    write: source.write.bind(source),
    close: source.close.bind(source),
  }
}
