import { describe, expect, test } from "vitest"
import { knownVariables } from "../../../src/command/settings/known-variables.ts"
import { variableOf } from "../../../src/command/settings/setting.ts"
import { SETTINGS } from "../../../src/command/settings/table.ts"
import { warningsOf } from "../../../src/command/settings/unknown-variables.ts"
import { VERBS } from "../../../src/command/verbs/verbs.ts"

const KNOWN = knownVariables(VERBS)

describe("unknown variables", () => {
  test("a mistyped variable is warned of with the nearest name", () => {
    expect(warningsOf(["HEADWATER_LISTN", "PATH", "HEADWATER_ZZZZZZZZ"], KNOWN)).toEqual([
      "ignored the unknown variable HEADWATER_LISTN; did you mean HEADWATER_LISTEN?",
      "ignored the unknown variable HEADWATER_ZZZZZZZZ",
    ])
  })

  test("variables of settings, sources and words are known", () => {
    const names = ["HEADWATER_LISTEN", "HEADWATER_TOPICS", "HEADWATER_ETCD_PASSWORD_FILE"]
    expect(warningsOf([...names, "HEADWATER_HUB_KEY_FILE"], KNOWN)).toEqual([])
  })

  // What Kubernetes injects for a Service of port 8080 that is called headwater, or headwater-x.
  const INJECTED = ["HEADWATER", "HEADWATER_X"].flatMap((service) => [
    `${service}_PORT`,
    `${service}_PORT_8080_TCP`,
    `${service}_PORT_8080_TCP_ADDR`,
    `${service}_PORT_8080_TCP_PORT`,
    `${service}_PORT_8080_TCP_PROTO`,
    `${service}_SERVICE_HOST`,
    `${service}_SERVICE_PORT`,
    `${service}_SERVICE_PORT_HTTP`,
  ])

  test("variables of Kubernetes share one line", () => {
    const [line, ...others] = warningsOf(INJECTED, KNOWN)
    expect(others).toEqual([])
    for (const name of INJECTED) expect(line).toContain(name)
  })

  test("no setting has a name that Kubernetes could inject", () => {
    const ofSettings = Object.entries(SETTINGS).map(([name, row]) => variableOf(name, row))
    expect(warningsOf(ofSettings, new Set()).filter((line) => line.includes("Kubernetes"))).toEqual(
      [],
    )
    expect(ofSettings.filter((name) => INJECTED.includes(name))).toEqual([])
  })
})
