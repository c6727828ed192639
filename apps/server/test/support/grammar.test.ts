import { describe, expect, test } from "vitest"
import { after, parseGrammar } from "./grammar-expression.ts"

const GRAMMAR = `
  stream = open* (one | two)+ last?
  two    = b b
  one    = a
`

function accepts(text: string): boolean {
  let rest = parseGrammar(GRAMMAR)
  for (const name of text.split(" ")) rest = after(rest, name)
  return rest.type !== "nothing"
}

describe("a grammar", () => {
  test.each(["a", "open open a", "open b b a last", "b"])("is begun by %s", (text) => {
    expect(accepts(text)).toBe(true)
  })

  test.each(["last", "b a", "a open", "a last a", "c"])("is not begun by %s", (text) => {
    expect(accepts(text)).toBe(false)
  })
})
