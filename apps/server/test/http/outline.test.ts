import { assert, constantFrom, integer, jsonValue, property } from "fast-check"
import { type Node, parseTree } from "jsonc-parser"
import { describe, expect, test } from "vitest"
import { parseOutline } from "../../src/http/outline.ts"

/** What an outline keeps of a tree: nobody asks for a property's length. */
function cut({ type, offset, length, value, children }: Node, depthMax: number): object {
  const isContainer = type === "object" || type === "array"
  const below = isContainer ? depthMax - 1 : depthMax
  const kept = below < 0 ? [] : children?.map((child) => cut(child, below))
  return {
    type,
    offset,
    length: type === "property" ? 0 : length,
    ...(value !== undefined && { value }),
    ...(children && { children: kept }),
  }
}

describe("parseOutline()", () => {
  test("is the tree of jsonc-parser, down to a depth", () => {
    assert(
      property(
        jsonValue(),
        integer({ min: 0, max: 4 }),
        constantFrom(0, 2),
        (json, depth, space) => {
          const text = JSON.stringify(json, null, space)
          expect(parseOutline(text, depth)).toEqual(cut(parseTree(text)!, depth))
        },
      ),
    )
  })
})
