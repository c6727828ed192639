import { describe, expect, test } from "vitest"
import { checkAnswers } from "../subjects/answers.ts"
import type { KeyedMap } from "../subjects/keyed-map.ts"
import { keyedMaps, loadKeyedMap } from "../subjects/keyed-maps.ts"
import { nativeMap } from "../subjects/native-map.ts"
import { WrongAnswerError } from "../wrong-answer.ts"

// A subject that gives the wrong answer is fast and worthless.
describe("subjects", () => {
  test.each(Object.keys(keyedMaps))(
    "%s gives every answer right, and leaks nothing",
    async (name) => {
      expect(checkAnswers(await loadKeyedMap(name), 42)).toBe(0)
    },
  )

  test("checkAnswers() finds cut values, made-up bytes, and old states that change", () => {
    const cut = altered((map) => {
      const get = map.get.bind(map)
      map.get = (key) => get(key)?.slice(1)
    })
    const madeUp = altered((map) => {
      map.encodeAll = () => ({ entries: map.size, bytes: 0 })
    })
    const changing = altered((map) => {
      map.getOldest = (key) => map.get(key)
    })

    for (const make of [cut, madeUp, changing]) {
      expect(() => checkAnswers(make, 42)).toThrow(WrongAnswerError)
    }
  })
})

function altered(alter: (map: KeyedMap) => void): () => KeyedMap {
  return () => {
    const map = nativeMap()
    alter(map)
    return map
  }
}
