// A process that writes to a sqlite source so often, and says which revisions it got, as JSON.
// For sqlite-file.test.ts: plain JavaScript over what was built, for Node 20 runs no TypeScript.
import { systemClock } from "@headwater/core"
import { sqliteSource } from "@headwater/syncer/sqlite"

const [path, name, count] = process.argv.slice(-3)
const source = sqliteSource({ path, clock: systemClock })
const { signal } = new AbortController()
const revisions = []
for (let turn = 0; turn < Number(count); turn++) {
  const value = new TextEncoder().encode(String(turn))
  const changes = [
    { op: "put", key: `${name}/${turn % 5}`, value },
    { op: "put", key: "shared", value: new TextEncoder().encode(name) },
  ]
  const outcome = await source.write({ conditions: [], changes }, signal)
  revisions.push(outcome.revision)
}
await source.close()
console.log(JSON.stringify(revisions))
