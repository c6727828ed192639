import { describe, expect, test } from "vitest"
import { clientAddress } from "../../src/http/client-address.ts"
import { isInside, parseAddress, parseRange } from "../../src/http/ip-range.ts"

describe("parseRange()", () => {
  test.each(["10.0.0.0/8", "192.0.2.7", "192.0.2.7/32", "0.0.0.0/0", "::/0", "fd00::/8", "::1"])(
    "reads %s",
    (text) => {
      expect(parseRange(text)).toBeDefined()
    },
  )

  test.each([
    ...["", "10.0.0.0/33", "10.0.0.1/8", "10.0.0/8", "010.0.0.1", "256.0.0.1", "1.2.3.4.5"],
    ...["fd00::/129", "fd00::1/8", "1::2::3", "12345::", ":::", "1:2:3:4:5:6:7", "localhost"],
    ...["10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "::ffff:1.2.3.256"],
  ])("refuses %j", (text) => {
    expect(parseRange(text)).toBeUndefined()
  })

  test.each([
    ["10.0.0.0/8", "10.255.255.255", true],
    ["10.0.0.0/8", "11.0.0.0", false],
    ["10.0.0.0/8", "::ffff:10.1.2.3", true],
    ["fd00::/8", "fdff::1", true],
    ["fd00::/8", "fe00::1", false],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["fe80::/10", "fe80::1%eth0", true],
    ["10.0.0.0/8", "unknown", false],
  ])("%s contains %s: %s", (range, address, expected) => {
    expect(isInside([parseRange(range)!], address)).toBe(expected)
  })

  test("reads the ways to write one address of IPv6 as the same", () => {
    const same = ["2001:DB8::5", "2001:db8:0:0:0:0:0:5", "2001:0db8::0005", "2001:db8::0.0.0.5"]
    expect(new Set(same.map(parseAddress)).size).toBe(1)
  })
})

describe("clientAddress()", () => {
  const trusted = ["10.0.0.0/8", "127.0.0.1", "fd00::/8"].map((range) => parseRange(range)!)
  const of = (peer: string | undefined, headers: Record<string, string>) =>
    clientAddress(peer, new Headers(headers), trusted)

  test.each([
    ["nothing", {}, "10.0.0.1"],
    ["one client", { "x-forwarded-for": "192.0.2.7" }, "192.0.2.7"],
    ["what the client wrote itself", { "x-forwarded-for": "1.1.1.1, 192.0.2.7" }, "192.0.2.7"],
    ["a chain of proxies", { "x-forwarded-for": "1.1.1.1, 192.0.2.7, 10.0.0.9" }, "192.0.2.7"],
    ["proxies alone", { "x-forwarded-for": "10.0.0.8,10.0.0.9" }, "10.0.0.8"],
    ["a port", { "x-forwarded-for": "192.0.2.7:4711" }, "192.0.2.7"],
    ["IPv6", { "x-forwarded-for": "2001:DB8::7" }, "2001:db8::7"],
    ["IPv6 with a port", { "x-forwarded-for": "[2001:db8::7]:4711" }, "2001:db8::7"],
    ["a word in place of an address", { "x-forwarded-for": "1.1.1.1, unknown" }, "10.0.0.1"],
    ["a word before a proxy", { "x-forwarded-for": "1.1.1.1, x, 10.0.0.9" }, "10.0.0.9"],
    ["an empty list", { "x-forwarded-for": "" }, "10.0.0.1"],
    ["an empty end", { "x-forwarded-for": "192.0.2.7," }, "10.0.0.1"],
    ["Forwarded", { forwarded: "for=192.0.2.7;proto=https;by=10.0.0.1" }, "192.0.2.7"],
    ["Forwarded, quoted", { forwarded: 'proto=https;For="[2001:db8::7]:47"' }, "2001:db8::7"],
    [
      "Forwarded of a chain",
      { forwarded: "for=1.1.1.1, for=192.0.2.7, for=10.2.3.4" },
      "192.0.2.7",
    ],
    ["Forwarded, hidden", { forwarded: "for=1.1.1.1, for=_hidden" }, "10.0.0.1"],
    [
      "Forwarded beside the other",
      { forwarded: "for=1.1.1.1", "x-forwarded-for": "2.2.2.2" },
      "2.2.2.2",
    ],
  ])("reads %s from the right", (_, headers, expected) => {
    expect(of("10.0.0.1", headers)).toBe(expected)
  })

  test("believes no peer that is not trusted, and none without a list", () => {
    const headers = { "x-forwarded-for": "1.1.1.1", forwarded: "for=1.1.1.1" }
    expect(of("192.0.2.7", headers)).toBe("192.0.2.7")
    expect(of("127.0.0.2", headers)).toBe("127.0.0.2")
    expect(of(undefined, headers)).toBeUndefined()
    expect(clientAddress("127.0.0.1", new Headers(headers), [])).toBe("127.0.0.1")
  })

  test("looks at a long list from the right alone", () => {
    const list = Array.from({ length: 10_000 }, () => "10.0.0.1").join(",")
    expect(of("10.0.0.1", { "x-forwarded-for": `192.0.2.7,${list}` })).toBe("10.0.0.1")
  })
})
