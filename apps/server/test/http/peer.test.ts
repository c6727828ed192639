import { expect, test } from "vitest"
import { peerOf } from "../../src/http/peer.ts"

test.each([
  ["192.0.2.7", "192.0.2.7"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64"],
  ["2001:DB8:0000:0001::9", "2001:db8:0:1::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["::2", "0:0:0:0::/64"],
  ["fe80::1:2:3:4%eth0", "fe80:0:0:0::/64"],
])("peerOf() counts %s as %s", (peerAddress, peer) => {
  expect(peerOf({ peerAddress })).toBe(peer)
})

test.each([undefined, "", "127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"])(
  "peerOf() counts %s for nothing",
  (peerAddress) => {
    expect(peerOf({ peerAddress })).toBeUndefined()
    expect(peerOf(undefined)).toBeUndefined()
  },
)
