import type { SourceContext, SourceType } from "@headwater/core"
import { systemClock } from "@headwater/core"
import { describe, expect, test } from "vitest"
import { etcdType } from "../src/sources/etcd/index.ts"
import { parseEtcdAddress } from "../src/sources/etcd-address.ts"
import { etcd2Type } from "../src/sources/etcd2/index.ts"

/** A machine with these variables, whose files hold their own names. */
function contextOf(variables: Record<string, string>): SourceContext<typeof fetch> {
  const secretFile = async (path: string) => async () => `${path}\n`
  return {
    clock: systemClock,
    values: "json",
    warn: () => {},
    variable: (name) => variables[name],
    secretFile,
    secret: async (name) => {
      const file = variables[`${name}_FILE`]
      return file === undefined ? variables[name] : secretFile(file)
    },
    fetchWith: async () => undefined,
  }
}

const named = (type: SourceType<typeof fetch>, text: string) => {
  const [, scheme = "", rest = ""] = /^([a-z0-9]+:)(.*)$/.exec(text) ?? []
  return type.parse({ scheme, rest, options: new Map(), write: false })
}

describe("a source of etcd on a command line", () => {
  test("has members, and a prefix that is decoded once", () => {
    expect(parseEtcdAddress("etcd:", "//h1:1,[::1]:2,h3/x/y%20z/")).toEqual({
      endpoints: ["http://h1:1", "http://[::1]:2", "http://h3:2379"],
      prefix: "/x/y z/",
    })
    expect(parseEtcdAddress("etcd2s:", "//h1,h2:1/p/")).toEqual({
      endpoints: ["https://h1:2379", "https://h2:1"],
      prefix: "/p/",
    })
  })

  test.each([
    ["//u:hunter2@h:1/p/", "credentials do not go into arguments"],
    ["//h:1", "the address has no prefix: write etcd://h:1/PREFIX/"],
    ["///p/", '"" is not HOST:PORT of an etcd'],
    ["//h:99999/p/", '"h:99999" is not HOST:PORT of an etcd'],
    ["//h/%ff/", 'the prefix "/%ff/" is not URL-encoded UTF-8'],
  ])("refuses %j in one line, without a credential", (rest, message) => {
    expect(() => parseEtcdAddress("etcd:", rest)).toThrow(message)
    expect(() => parseEtcdAddress("etcd:", rest)).not.toThrow("hunter2")
  })

  test("etcd2 takes a directory", () => {
    expect(() => named(etcd2Type, "etcd2://h/p")).toThrow("a directory of etcd2: ends with a slash")
    expect(named(etcd2Type, "etcd2://h/p/").kind).toBe("etcd2")
  })

  test.each([
    [{ HEADWATER_ETCD_PASSWORD: "p" }, "HEADWATER_ETCD_PASSWORD needs HEADWATER_ETCD_USERNAME"],
    [{ HEADWATER_ETCD_USERNAME: "u" }, "HEADWATER_ETCD_USERNAME needs HEADWATER_ETCD_PASSWORD"],
  ])("refuses half of a credential: %j", async (variables, message) => {
    const opening = named(etcdType, "etcd://h/p/").open(contextOf(variables))

    await expect(opening).rejects.toThrow(message)
  })

  test("opens with a credential, as text or in a file", async () => {
    for (const password of [
      { HEADWATER_ETCD_PASSWORD: "p" },
      { HEADWATER_ETCD_PASSWORD_FILE: "f" },
    ]) {
      const variables = { HEADWATER_ETCD_USERNAME: "u", ...password }
      const source = await named(etcdType, "etcd://h/p/").open(contextOf(variables))

      expect(source.name).toBe("etcd://h:2379/p/")
      await source.close()
    }
  })
})
