import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { parseAllDocuments } from "yaml"
import { resolve } from "../../../src/command/settings/resolve.ts"
import { SETTINGS } from "../../../src/command/settings/table.ts"

const DEPLOY = join(import.meta.dirname, "../../../../../deploy")

/** Flags of a command line by name: `--drain-time 5s` or `--drain-time=5s`. */
function flagsOf(words: readonly string[]): Record<string, string[]> {
  const flags: Record<string, string[]> = {}
  for (const flag of words
    .join(" ")
    .split(/(?:^| )--/)
    .slice(1)) {
    const [, name, value] = /^([a-z-]+)(?:[= ](.*))?$/.exec(flag)!
    flags[name!] = [...(flags[name!] ?? []), value ?? "true"]
  }
  return flags
}

/** @throws {ConfigError} a flag is no setting, or its value makes no sense. */
function valuesOf(words: readonly string[]) {
  const { config, ...flags } = flagsOf(words)
  for (const name of Object.keys(flags)) expect(Object.keys(SETTINGS)).toContain(name)
  return resolve(SETTINGS, { flags, env: () => undefined, file: undefined }).values
}

describe("the manifests in deploy/", () => {
  test("kubernetes.yaml starts a hub by settings that exist, and waits for its drain", () => {
    const text = readFileSync(join(DEPLOY, "kubernetes.yaml"), "utf8")
    const documents = parseAllDocuments(text, { strict: true }).map((document) => {
      expect(document.errors).toEqual([])
      return document.toJS()
    })
    const pod = documents.find(({ kind }) => kind === "Deployment").spec.template.spec
    const [word, ...args] = pod.containers[0].args
    const values = valuesOf(args)

    expect(word).toBe("serve")
    expect([values["drain-delay"], values["drain-time"]]).toEqual([5_000, 30_000])
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(35 + 10)
  })

  test("headwater.service does so, too", () => {
    const text = readFileSync(join(DEPLOY, "headwater.service"), "utf8").replaceAll("\\\n", "")
    const words = /^ExecStart=\/usr\/bin\/env headwater serve (.*)$/m.exec(text)![1]!.split(/\s+/)
    const values = valuesOf(words)

    expect([values["drain-delay"], values["drain-time"]]).toEqual([5_000, 30_000])
    expect(/^TimeoutStopSec=(\d+)s$/m.exec(text)![1]).toBe("60")
  })
})
