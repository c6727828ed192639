import { describe, expect, test } from "vitest"
import { changesIn, entriesIn, stateIn } from "../servers/stream-changes.ts"

const body = [
  ":",
  'event: snapshot\ndata: {"entries":[{"key":"a","value":1,"revision":1}]}',
  'id: x.2\nevent: delta\ndata: {"revision":2,"changes":[{"op":"put","key":"b","value":"2"}]}',
  'event:delta\nid:x.3\ndata:{"revision":3,"changes":[{"op":"put","key":"a","value":{"n":3}}]}',
  'event: delta\ndata: {"revision":4,"cha',
].join("\n\n")

describe("changes and entries of a stream", () => {
  test("is read in order, with or without spaces, up to the last whole event", () => {
    expect(entriesIn(body)).toEqual([{ key: "a", value: "1" }])
    expect(changesIn(body)).toEqual([
      { key: "b", value: '"2"' },
      { key: "a", value: '{"n":3}' },
    ])
    expect([...stateIn(body)]).toEqual([
      ["a", '{"n":3}'],
      ["b", '"2"'],
    ])
  })
})
