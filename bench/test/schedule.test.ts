import { describe, expect, test } from "vitest"
import { loadScenario, scenarioNames } from "../scenarios.ts"
import { visitsOf } from "../schedule.ts"
import { scenarioOf } from "./sample-scenario.ts"

describe("visitsOf()", () => {
  test("subjects take turns within a size of a runtime", () => {
    const visits = visitsOf(scenarioOf(["a", "b"], "b"), {
      runtimes: ["bun", "node24"],
      sizeName: "full",
      rounds: 3,
      seed: 1,
    })

    expect(visits.map(({ runtime, size, subject }) => `${runtime} ${size} ${subject}`)).toEqual(
      ["bun", "node24"].flatMap((runtime) =>
        [1_000, 100_000].flatMap((size) =>
          ["a", "b", "a", "b", "a", "b"].map((subject) => `${runtime} ${size} ${subject}`),
        ),
      ),
    )
  })

  test("fewer rounds are a part of each scenario's, and one at least", () => {
    const counts = [1, 2, 3].map((rounds) => {
      const options = { runtimes: ["bun"], sizeName: "full", rounds, seed: 1 } as const
      return visitsOf(scenarioOf(["a"], "a"), options).length
    })

    // At two sizes, three rounds.
    expect(counts).toEqual([2, 4, 6])
  })

  test("one Node leads, in its first round, or the first runtime where there is no Node", () => {
    const leaders = (runtimes: string[]) => {
      const visits = visitsOf(scenarioOf(["a"], "a"), {
        runtimes,
        sizeName: "smoke",
        rounds: 2,
        seed: 1,
      })
      return visits.filter(({ leads }) => leads).map(({ runtime }) => runtime)
    }

    expect(leaders(["bun", "node22", "node24"])).toEqual(["node22"])
    expect(leaders(["deno", "bun"])).toEqual(["deno"])
  })
})

describe("scenarios", () => {
  test.each(scenarioNames)("%s states its question, subject, and control", async (name) => {
    const scenario = await loadScenario(name)

    expect(scenario.name).toBe(name)
    expect(scenario.question.endsWith("?")).toBe(true)
    expect(scenario.subjects[0]).toBe("headwater")
    expect(scenario.subjects.slice(1).includes(scenario.control)).toBe(true)
    expect(new Set(scenario.subjects).size).toBe(scenario.subjects.length)
    expect(Math.max(...scenario.sizes.smoke)).toBeLessThanOrEqual(10_000)
  })
})
