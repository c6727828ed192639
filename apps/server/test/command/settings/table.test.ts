import { describe, expect, test } from "vitest"
import { resolve } from "../../../src/command/settings/resolve.ts"
import { limitsOf } from "../../../src/command/settings/rows/limits.ts"
import { SETTING_GROUPS, type Setting, variableOf } from "../../../src/command/settings/setting.ts"
import { readText } from "../../../src/command/settings/setting-type.ts"
import { SETTINGS } from "../../../src/command/settings/table.ts"
import { FIXED_LIMITS, HUB_LIMITS } from "../../../src/limits.ts"

const ROWS: readonly (readonly [string, Setting])[] = Object.entries(SETTINGS)

describe("the table of settings", () => {
  test.each(ROWS)("%s has a plain name, a group and a line of help", (name, { group, help }) => {
    expect(name).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/)
    // Commander would take it for the negation of another.
    expect(name).not.toMatch(/^no-/)
    expect(SETTING_GROUPS).toContain(group)
    expect(help).toMatch(/^\S[^\n]*[^.\n]$/)
  })

  test.each(ROWS)("the default of %s is read, and written as it stands", (_name, setting) => {
    if (setting.initial === undefined) return
    const read = readText(setting.type, setting.initial)
    expect(read).toHaveProperty("value")
    expect(setting.type.format((read as { value: unknown }).value)).toBe(setting.initial)
  })

  test("every bound of a hub is a setting, with the default of the hub", () => {
    const limits = ROWS.flatMap(([, row]) => ("limit" in row ? [row.limit as string] : []))
    expect([...limits].sort()).toEqual(Object.keys(HUB_LIMITS).sort())

    const fixed = ROWS.flatMap(([, row]) =>
      "limit" in row && !row.reloads ? [row.limit as string] : [],
    )
    expect(fixed.sort()).toEqual([...FIXED_LIMITS].sort())

    const { values } = resolve(SETTINGS, { flags: {}, env: () => undefined, file: undefined })
    expect(limitsOf(values)).toEqual(HUB_LIMITS)
  })

  test("no two settings have one variable", () => {
    const variables = ROWS.map(([name, setting]) => variableOf(name, setting))
    expect(new Set(variables).size).toBe(variables.length)
  })
})
