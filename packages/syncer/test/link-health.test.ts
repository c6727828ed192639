import { describe, expect, test } from "vitest"
import {
  answered,
  type Failed,
  failAgain,
  recovered,
  stood,
  worked,
} from "../src/merge/link-health.ts"
import { type Held, IDLE } from "../src/merge/sync-state.ts"

type Word = Failed | "answered" | "worked" | "stood" | "healthy"

/** The reaction to each failure of a history: `ask` at once, or a pause before it. */
function pausesOf(history: readonly Word[]): string {
  const pauses: string[] = []
  let held: Held = IDLE.held
  for (const word of history) {
    if (word === "answered") held = answered(held)
    else if (word === "worked") held = worked(held)
    else if (word === "stood") held = stood(held)
    else if (word === "healthy") held = recovered(held)
    else {
      const { failures, effect } = failAgain(held, word)
      held = { ...held, ...failures }
      if (effect.type !== "pause") pauses.push("ask")
      else pauses.push(`${effect.of === "question" ? "question " : ""}${effect.attempt}`)
    }
  }
  return pauses.join(", ")
}

const times = (count: number, ...words: readonly Word[]): Word[] =>
  Array.from({ length: count }, () => words).flat()

describe("failAgain()", () => {
  const table: readonly (readonly [name: string, history: readonly Word[], pauses: string])[] = [
    ["the first failure is tried again at once", ["watch"], "ask"],
    ["also the first question of all", ["question", "question"], "ask, question 1"],
    [
      "a source that is away is asked",
      ["watch", ...times(3, "question")],
      "ask, question 1, question 2, question 3",
    ],
    [
      "an outage is forgotten with its first answer",
      ["watch", ...times(2, "question"), "answered", "question"],
      "ask, question 1, question 2, question 1",
    ],
    [
      "and does not count against the watch after it",
      ["watch", ...times(5, "question"), "answered", "watch", "watch"],
      "ask, question 1, question 2, question 3, question 4, question 5, 1, 2",
    ],
    [
      "a source that only answers is left alone for longer and longer",
      times(4, "watch", "answered"),
      "ask, 1, 2, 3",
    ],
    [
      "a link that works for a moment each time is tried soon, and not at once",
      times(4, "watch", "answered", "worked"),
      "ask, 1, 1, 1",
    ],
    [
      "one that stands for a while is as well, though there is nothing to tell",
      times(4, "watch", "answered", "stood"),
      "ask, 1, 1, 1",
    ],
    [
      "one that flapped and then fails for good is left alone",
      [...times(3, "watch", "answered", "worked"), ...times(3, "watch", "answered")],
      "ask, 1, 1, 1, 2, 3",
    ],
    [
      "history that is forgotten faster than it is watched is listed less and less often",
      times(4, "list", "answered", "worked"),
      "ask, 1, 2, 3",
    ],
    [
      "until a watch stands",
      [...times(3, "list", "answered", "worked"), "stood", "list"],
      "ask, 1, 2, 1",
    ],
    [
      "after health all is as at first",
      [...times(3, "list", "answered"), "question", "healthy", "watch", "question"],
      "ask, 1, 2, question 1, ask, question 1",
    ],
  ]

  test.each(table)("%s", (_name, history, pauses) => {
    expect(pausesOf(history)).toBe(pauses)
  })
})
