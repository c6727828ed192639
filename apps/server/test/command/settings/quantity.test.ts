import { describe, expect, test } from "vitest"
import {
  formatDuration,
  formatSize,
  parseDuration,
  parseSize,
} from "../../../src/command/settings/quantity.ts"

describe("quantities", () => {
  test.each([
    ["500ms", 500],
    ["5s", 5_000],
    ["2m", 120_000],
    ["1.5h", 5_400_000],
    ["30d", 2_592_000_000],
    ["90", 90_000],
    ["0", 0],
    ["-1s", undefined],
    ["5 weeks", undefined],
    ["1e9", undefined],
    ["", undefined],
    ["Infinity", undefined],
  ])("parseDuration() reads %j as %s ms", (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  test.each([
    ["64MiB", 67_108_864],
    ["64 mib", 67_108_864],
    ["1GB", 1_000_000_000],
    ["4096", 4_096],
    ["1.5KiB", 1_536],
    ["1TiB", undefined],
    ["9999999999GiB", undefined],
  ])("parseSize() reads %j as %s bytes", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes)
  })

  test("what is written is read back", () => {
    for (const ms of [0, 1, 500, 1_500, 90_000, 3_600_000]) {
      expect(parseDuration(formatDuration(ms))).toBe(ms)
    }
    for (const bytes of [0, 1, 1_000, 1_536, 4_194_304]) {
      expect(parseSize(formatSize(bytes))).toBe(bytes)
    }
  })
})
