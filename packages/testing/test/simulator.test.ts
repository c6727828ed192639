import { describe, expect, test } from "vitest"
import { seedFrom } from "../src/index.ts"
import { simulate } from "../src/simulator/index.ts"

const full = process.env.HEADWATER_FULL === "1"
const histories = Number(process.env.HEADWATER_HISTORIES ?? (full ? 100_000 : 500))

describe("simulate()", () => {
  // ES-E1 to ES-E6, ES-E8 to ES-E10 and WS-E3 to WS-E7 happen in these in some order or other.
  test(`ES-B26: comes to rest equal to its source, in ${histories} histories`, async () => {
    // The same seeds in every run that is not the full one.
    const first = seedFrom(process.env.HEADWATER_SEED ?? (full ? undefined : "1"))
    const totals = { compared: 0, resumed: 0, epochs: 0, crashes: 0, resyncs: 0, stale: 0 }
    const images = { starts: 0, stale: 0, compacted: 0, replaced: 0, setBack: 0, resyncing: 0 }
    for (let seed = first; seed < first + histories; seed++) {
      const { compared, resumed, epochs, crashes, restored, statuses } = await simulate(seed)
      totals.compared += compared
      totals.resumed += resumed
      totals.epochs += epochs
      totals.crashes += crashes
      for (const what of Object.keys(images) as (keyof typeof images)[]) {
        images[what] += restored[what]
      }
      totals.resyncs += statuses.filter((status) => status === "resyncing").length
      totals.stale += statuses.filter((status) => status.startsWith("stale")).length
    }

    // A change of the simulation must show when it no longer reaches its cases.
    console.log(JSON.stringify({ ...totals, images }))
    expect(totals.compared).toBeGreaterThan(histories * 5)
    if (histories >= 100) {
      expect(totals.resumed).toBeGreaterThan(histories)
      expect(totals.epochs).toBeGreaterThan(histories)
      expect(totals.crashes).toBeGreaterThan(histories / 4)
      expect(totals.resyncs).toBeGreaterThan(histories * 2)
      expect(totals.stale).toBeGreaterThan(histories / 2)
      expect(images.starts).toBeGreaterThan(histories / 10)
      expect(images.stale).toBeGreaterThan(histories / 20)
      expect(images.compacted).toBeGreaterThan(histories / 100)
      expect(images.replaced).toBeGreaterThan(histories / 100)
      expect(images.resyncing).toBeGreaterThan(histories / 500)
      if (histories >= 1_000) expect(images.setBack).toBeGreaterThan(0)
    }
  }, 7_200_000)

  test("tells the same history for the same seed", async () => {
    expect((await simulate(7)).transcript).toEqual((await simulate(7)).transcript)
  })
})
