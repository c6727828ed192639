import { createServer } from "node:http"
import { type AddressInfo, connect } from "node:net"
import { PassThrough } from "node:stream"
import { expect, test } from "vitest"
import { Connections } from "../../src/runtime/connections.ts"

function from(remoteAddress: string) {
  return Object.assign(new PassThrough(), { remoteAddress })
}

test("connections of one address are bounded, but for loopback and trusted proxies", async () => {
  const limits = { max: 100, perAddressMax: 2, exempt: ["10.0.0.0/8"] }
  const connections = new Connections(limits, () => {})
  const accept = (address: string) => {
    const socket = from(address)
    return { socket, isTaken: connections.accept(socket) }
  }
  const first = accept("192.0.2.7")
  const isTaken = ["192.0.2.7", "::ffff:192.0.2.7", "192.0.2.8", "2001:db8::1", "2001:db8::2"]
  expect(isTaken.map((address) => accept(address).isTaken)).toEqual([true, false, true, true, true])
  expect(accept("2001:db8::3").isTaken).toBe(false)
  for (const exempt of ["127.0.0.1", "::1", "10.1.2.3"]) {
    for (let n = 0; n < 5; n++) expect(accept(exempt).isTaken).toBe(true)
  }

  first.socket.destroy()
  await new Promise((resolve) => first.socket.once("close", resolve))
  expect(accept("192.0.2.7").isTaken).toBe(true)
})

// The hub on Bun has no server of `node:http`.
test.skipIf(process.versions.bun)("no request is made of what a closed client sent", async () => {
  const server = createServer()
  const connections = new Connections({ max: 10 }, () => {})
  connections.serve(server, () => {})
  let requests = 0
  server.on("request", () => {
    requests += 1
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  const client = connect(port, "127.0.0.1").on("error", () => {})
  client.resume()
  client.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n".repeat(2_000))
  await new Promise((resolve) => client.once("close", resolve))
  server.close()

  // One is answered, 16 wait, and one more closes the connection.
  expect(requests).toBe(18)
})
