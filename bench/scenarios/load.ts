/**
 * Load: what it costs to have it at all.
 *
 * Question: how long does a process take until its first entry is read, and what does a page load?
 * Unit:     ms; bytes of the bundle, minified and gzipped, measured once, on Node.
 * Control:  `map`, which is there from the start; for the client, `eventsource-parser` alone, which
 *           it contains.
 * Peers:    the persistent maps of JavaScript.
 *
 * This file imports no library: a visit loads its subject's alone.
 */
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import type { Scenario } from "../scenario.ts"
import { loadKeyedMap } from "../subjects/keyed-maps.ts"
import type { Measurement, Task } from "../task.ts"
import { expectAnswer } from "../wrong-answer.ts"

export const load: Scenario = {
  name: "load",
  question:
    "How long does a process take until its first entry is read, and what does a page load?",
  control: "map",
  subjects: ["headwater", "map", "immutable", "nkzw", "hamt_plus", "mori", "eventsource-parser"],
  sizes: { full: [1], smoke: [1] },
  rounds: { full: 15, smoke: 1 },

  async visit({ subject, leads }: Task): Promise<readonly Measurement[]> {
    const starts = subject === "eventsource-parser" ? [] : await measureStart(subject)
    return leads ? [...starts, ...(await measureBundles(subject))] : starts
  },
}

/** The bundle of a subject, and the operation under which it is measured. */
const PACKAGES: Readonly<Record<string, readonly (readonly [operation: string, name: string])[]>> =
  {
    headwater: [
      ["map bundle", "@headwater/core/engine"],
      ["client bundle", "@headwater/client"],
    ],
    immutable: [["map bundle", "immutable"]],
    nkzw: [["map bundle", "@nkzw/immutable-map"]],
    hamt_plus: [["map bundle", "hamt_plus"]],
    mori: [["map bundle", "mori"]],
    "eventsource-parser": [["client bundle", "eventsource-parser"]],
  }

const utf8 = new TextEncoder()

async function measureStart(subject: string): Promise<Measurement[]> {
  const began = performance.now()
  const first = await readFirst(subject)
  const ended = performance.now()
  expectAnswer("the first value", first, 1)
  const again = performance.now()
  await readFirst(subject)
  const more = performance.now() - again
  const ms = (operation: string, sample: number) => ({ operation, unit: "ms", samples: [sample] })
  return [
    // The clock of a process begins with it, so this has the start of the runtime in it.
    ms("process to first entry", ended),
    ...(subject === "map" ? [] : [ms("import to first entry", ended - began)]),
    ms("another one", more),
  ]
}

async function readFirst(subject: string): Promise<number | undefined> {
  const map = (await loadKeyedMap(subject))()
  map.put("key", utf8.encode("1"))
  const length = map.get("key")?.byteLength
  map.dispose()
  return length
}

async function measureBundles(subject: string): Promise<Measurement[]> {
  // Only here: it is large, and only one of the runtimes bundles.
  const { rolldown } = await import("rolldown")
  const found: Measurement[] = []
  for (const [operation, name] of PACKAGES[subject] ?? []) {
    const input = fileURLToPath(import.meta.resolve(name))
    const bundle = await rolldown({ input, platform: "browser", logLevel: "silent" })
    const { output } = await bundle.generate({ format: "esm", minify: true, comments: false })
    await bundle.close()
    const bytes = output.reduce(
      (sum, part) => sum + (part.type === "chunk" ? gzipSync(part.code, { level: 9 }).length : 0),
      0,
    )
    found.push({ operation, unit: "bytes gzipped", samples: [bytes] })
  }
  return found
}
