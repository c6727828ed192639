import { describe, expect, test } from "vitest"
import { readSettingsFile } from "../../../src/command/settings/settings-file.ts"

const read = (text: string) => readSettingsFile("hub.yaml", text)
const textsOf = async (text: string) =>
  Object.fromEntries(
    [...(await read(text)).fields].map(([name, { texts, line }]) => [name, [line, ...texts]]),
  )

describe("readSettingsFile()", () => {
  test("reads texts, numbers, true and lists as they are spelled, with their lines", async () => {
    const text = `# a hub
streams: 500
heartbeat: 2.5
listen: 127.0.0.1:8080
"compress": true
topic:
  - a=memory:
  - "b=etcd://h:1/p/?write=1"
cors: [https://a.example, 'https://b.example']
`
    expect(await textsOf(text)).toEqual({
      streams: [2, "500"],
      heartbeat: [3, "2.5"],
      listen: [4, "127.0.0.1:8080"],
      compress: [5, "true"],
      topic: [6, "a=memory:", "b=etcd://h:1/p/?write=1"],
      cors: [9, "https://a.example", "https://b.example"],
    })
  })

  test("reads JSON, and a file without a setting", async () => {
    expect(await textsOf('{ "streams": 5, "topic": ["a=memory:"] }')).toEqual({
      streams: [1, "5"],
      topic: [1, "a=memory:"],
    })
    for (const text of ["", "\n", "# nothing\n", "---\n", "{}", "\uFEFF"]) {
      expect(await textsOf(text)).toEqual({})
    }
  })

  test.each([
    ["streams", 'hub.yaml must have lines of "name: value"'],
    ["- streams: 1", 'hub.yaml must have lines of "name: value"'],
    ["streams: 1\nstreams: 2", "hub.yaml, line 2: Map keys must be unique"],
    ["streams:", "hub.yaml, line 1: streams takes a text, a number, true, false or a list"],
    ["\nstreams: ''", "hub.yaml, line 2: streams takes a text, a number, true, false or a list"],
    ["a: {b: 1}", "hub.yaml, line 1: a takes a text, a number, true, false or a list of them"],
    ["a: [[1]]", "hub.yaml, line 1: a takes a text, a number, true, false or a list of them"],
    ["a: &x 1\nb: *x", "hub.yaml, line 2: b takes no alias"],
    ["a: *x", "hub.yaml, line 1: "],
    ["? [a]\n: 1", "hub.yaml, line 1: a name is a text"],
    ["a: 1\n---\nb: 2", "hub.yaml, line 2: a settings file has one document"],
    ["a: [1", "hub.yaml, line 1: "],
    ["a: 'b", "hub.yaml, line 1: "],
    ["topic: a=memory:", "line 1: Nested mappings are not allowed in compact mappings; quote the"],
    ["a:\n\t- b", "hub.yaml, line 2: "],
    ["\0\u0001", "hub.yaml is no text in UTF-8"],
    ["a: \uFFFD", "hub.yaml is no text in UTF-8"],
    ["#".repeat(1_048_577), "hub.yaml is larger than 1 MiB: it is no settings file"],
  ])("refuses %j", async (text, message) => {
    await expect(read(text)).rejects.toThrow(message)
    await expect(read(text)).rejects.not.toThrow("\n")
  })
})
