import { seedFrom } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { type Actor, ordersOf, playAny, playOrder } from "./two-hubs/play.ts"
import { RULES, type Rules } from "./two-hubs/rules.ts"

const isFull = process.env.HEADWATER_FULL === "1"
const HISTORIES_MAX = 60_000

/** The first history, from one on, in which the model finds something. */
function firstFault(from: number, rules: Rules): { history: number; fault: string } | undefined {
  for (let history = from; history <= HISTORIES_MAX; history++) {
    const fault = playAny(history, rules)
    if (fault !== undefined) return { history, fault }
  }
  return undefined
}

describe("two hubs of one source (rules)", () => {
  const seed = seedFrom(process.env.HEADWATER_SEED)

  test("with all rules on, readers hold the source's state at every id", () => {
    const histories = Number(process.env.HEADWATER_HISTORIES ?? (isFull ? 200_000 : 600))
    for (let index = 0; index < histories; index++) {
      const fault = playAny(seed + index, RULES)
      if (fault !== undefined) throw new Error(`HEADWATER_SEED=${seed + index}: ${fault}`)
    }
  }, 600_000)

  test("and so they do in every order of a dozen steps", () => {
    const orders = [...ordersOf({ source: 4, hub: 4, reader: 4 })]
    expect(orders.length).toBe(34_650)
    const everyOrder = isFull ? 4 : 0
    const sample = isFull ? 0 : 3_000
    const play = (history: number, order: readonly Actor[]) => {
      const fault = playOrder(history, order, RULES)
      if (fault !== undefined) throw new Error(`seed ${history}, ${order.join(" ")}: ${fault}`)
    }
    for (let script = 0; script < everyOrder; script++) {
      for (const order of orders) play(seed + script, order)
    }
    for (let index = 0; index < sample; index++) {
      play(seed + index, orders[(index * 7_919) % orders.length] ?? [])
    }
  }, 600_000)

  // Each begins shortly before the first history that shows it; with `HEADWATER_FULL`, at 1.
  test.each<[number, string, Partial<Rules>]>([
    [1, "§2 rule 4: one birth for entry and value", { valueBirths: false }],
    [1, "§2 rule 5: batches conflated on the way in", { everyEvent: false }],
    [600, "§2 rule 6: entries before children", { slotOrder: false }],
    [1, "§2 rule 7: a walk held to end where it ended", { catchUp: "ends-where-it-ended" }],
    [1, "§2 rule 7: a walk held to end where it began", { catchUp: "ends-where-it-began" }],
    [4_300, "§2 rule 7: no reset below the horizon", { catchUp: "without-resets" }],
    [1_800, "§2 rule 8: tombstones taken before the horizon moves", { horizonFirst: false }],
    [13_300, "§2 rule 9: births that count revisions", { versionBirths: false }],
    [1, "§3 item 1: versions served that are not complete", { completeOnly: false }],
    [1, "§3 item 2: the row at or above a position", { reachTable: "at-least" }],
    [1, "§3 item 2: the newest row for every position", { reachTable: "newest" }],
    [1, "§3 item 3: no gaps", { gaps: false }],
    [1, "§3 item 4: positions from before the first list", { firstRow: false }],
    [16_180, "§3 item 4: an image that brings no gaps", { image: "without-gaps" }],
  ])("from history %i on, the model finds out %s", (from, _name, off) => {
    const found = firstFault(isFull ? 1 : from, { ...RULES, ...off })

    expect(found).toBeDefined()
  })
})
