import { createServer, type Socket } from "node:net"
import { constants, deflateRawSync, gzipSync } from "node:zlib"
import { describe, expect, test } from "vitest"
import { bodyOf, Readers } from "../servers/readers.ts"
import { WrongAnswerError } from "../wrong-answer.ts"

describe("Readers", () => {
  test("bodyOf() takes the chunks off, and stops where the last one is cut", () => {
    const head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"

    expect(bodyOf(Buffer.from(`${head}3\r\nabc\r\nb\r\nd\r\nefghijkl\r\n4`))).toBe(
      "abcd\r\nefghijkl",
    )
    expect(bodyOf(Buffer.from("HTTP/1.1 200 OK\r\n\r\nplain"))).toBe("plain")
    expect(() => bodyOf(Buffer.from("HTTP/1.1 404 Not Found\r\n\r\n"))).toThrow(WrongAnswerError)
  })

  test("bodyOf() takes gzip apart, as far as it was flushed", () => {
    const head = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n"
    const whole = gzipSync("told")
    const flushed = deflateRawSync("told", { finishFlush: constants.Z_SYNC_FLUSH })

    expect(bodyOf(Buffer.concat([Buffer.from(head), whole]))).toBe("told")
    expect(bodyOf(Buffer.concat([Buffer.from(head), whole.subarray(0, 10), flushed]))).toBe("told")
  })

  test("a mark is found when it comes in two parts, by every reader once", async () => {
    const sockets: Socket[] = []
    const server = createServer((socket) => {
      sockets.push(socket)
      socket.write("HTTP/1.1 200 OK\r\n\r\n:hello\n\n")
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const { port } = server.address() as { port: number }

    const readers = await Readers.open(`http://127.0.0.1:${port}/`, 3, ":hello")
    const began = performance.now()
    const had = readers.have("the mark")
    for (const socket of sockets) {
      socket.write("the m", () => setImmediate(() => socket.write("ark, the mark")))
    }
    const times = await had

    expect(times.filter((time) => time >= began).length).toBe(3)
    expect(readers.bodies()[0]?.startsWith(":hello\n\nthe m")).toBe(true)
    readers.close()
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
})
