/**
 * `node tools/sizing.mjs [--on node|bun|deno] [--readers N] [--entries N] [--changes N]
 * [--bytes N] [--seconds N]`
 *
 * Measures what a hub needs: starts one with so many entries of so many bytes, opens the streams,
 * puts so many entries a second, one at a time, and prints what the hub tells of itself at
 * /metrics: CPU time, memory, and the delay of its event loop. CPU time does not count what other
 * programs do meanwhile. Needs a build: `npm run build`.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { connect, createServer } from "node:net"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { findRuntime } from "./runtimes.mjs"
import { root } from "./workspace.mjs"

/** Entries of one batch, which is the most that a hub takes. */
const BATCH = 128

/** Streams that are opened at once. */
const OPENING = 100

const { values } = parseArgs({
  options: {
    on: { type: "string", default: "node" },
    readers: { type: "string", default: "1000" },
    entries: { type: "string", default: "10000" },
    changes: { type: "string", default: "100" },
    bytes: { type: "string", default: "200" },
    seconds: { type: "string", default: "20" },
  },
})
const [readers, entries, changes, bytes, seconds] = [
  values.readers,
  values.entries,
  values.changes,
  values.bytes,
  values.seconds,
].map(Number)

const port = await freePort()
const url = `http://127.0.0.1:${port}`
const hub = await startHub()
try {
  await fill()
  const idle = await metrics()
  const sockets = await follow()
  const before = await metrics()
  const began = performance.now()
  const written = await change()
  const wallSeconds = (performance.now() - began) / 1_000
  // The last changes are delivered before the count ends.
  await pause(1_000)
  const after = await metrics()
  for (const socket of sockets) socket.destroy()
  report({ idle, before, after, written, wallSeconds })
} finally {
  hub.kill()
}

function report({ idle, before, after, written, wallSeconds }) {
  const cpu = after.process_cpu_seconds_total - before.process_cpu_seconds_total
  const frames =
    sum(after, "headwater_frames_sent_total") - sum(before, "headwater_frames_sent_total")
  const delay = (name) => after[name] - before[name]
  const mb = (value) => Math.round(value / 1e6)
  const perReader =
    (before.process_resident_memory_bytes - idle.process_resident_memory_bytes) / 1e3
  console.log(
    [
      `${values.on}: ${readers} readers, ${entries} entries of ${bytes} bytes, ` +
        `${(written / wallSeconds).toFixed(0)} changes/s`,
      `CPU          ${((100 * cpu) / wallSeconds).toFixed(1)} % of a core`,
      `deliveries   ${Math.round(frames / wallSeconds)} frames/s, ` +
        `${((cpu / frames) * 1e6).toFixed(1)} us of CPU each`,
      `resident     ${mb(idle.process_resident_memory_bytes)} MB with the entries, ` +
        `${mb(before.process_resident_memory_bytes)} MB with the readers ` +
        `(${(perReader / readers).toFixed(1)} kB each), ` +
        `${mb(after.process_resident_memory_bytes)} MB after the changes`,
      `state        ${mb(sum(after, "headwater_memory_live_bytes"))} MB of WebAssembly memory, ` +
        `${Math.round(sum(after, "headwater_memory_live_bytes") / entries)} bytes an entry`,
      `event loop   ${(
        (1e3 * delay("headwater_event_loop_delay_seconds_sum")) /
          delay("headwater_event_loop_delay_seconds_count")
      ).toFixed(1)} ms late on average`,
    ].join("\n"),
  )
}

async function startHub() {
  const { binary, args } =
    values.on === "node" ? { binary: process.execPath, args: [] } : await findRuntime(values.on)
  const main = join(root, "apps/server/dist/main.js")
  const options = ["--listen", `127.0.0.1:${port}`, "--topic", "t=memory:"]
  const child = spawn(binary, [...args, main, ...options], { stdio: "ignore" })
  for (;;) {
    const isReady = await fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isReady) return child
    if (child.exitCode !== null) throw new Error(`the hub ended with code ${child.exitCode}`)
    await pause(50)
  }
}

async function fill() {
  for (let from = 0; from < entries; from += BATCH) {
    const keys = Array.from({ length: Math.min(BATCH, entries - from) }, (_, i) => keyOf(from + i))
    const body = JSON.stringify({
      changes: keys.map((key) => ({ op: "put", key, value: valueAt(0) })),
    })
    await ask("POST", "/v1/topics/t/batch", body)
  }
}

/** Opens the streams, and waits until each has had its `sync`. */
async function follow() {
  const sockets = []
  for (let from = 0; from < readers; from += OPENING) {
    const count = Math.min(OPENING, readers - from)
    sockets.push(...(await Promise.all(Array.from({ length: count }, openStream))))
  }
  return sockets
}

function openStream() {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.write("GET /v1/topics/t/stream HTTP/1.1\r\nhost: localhost\r\n\r\n")
    })
    let tail = ""
    const onData = (chunk) => {
      tail = tail.slice(-16) + chunk.toString("latin1")
      if (!tail.includes("event: sync") && !tail.includes("event:sync")) return
      socket.off("data", onData)
      socket.resume()
      resolve(socket)
    }
    socket.on("data", onData)
    socket.on("error", reject)
  })
}

/** Puts entries at the wished rate; returns how many. */
async function change() {
  const began = performance.now()
  const waiting = new Set()
  let written = 0
  let failure
  while (performance.now() - began < seconds * 1_000) {
    const due = Math.floor(((performance.now() - began) / 1_000) * changes)
    while (written < due && waiting.size < 64) {
      const key = keyOf((written * 7_919) % entries)
      const put = ask("PUT", `/v1/topics/t/entry?key=${key}`, JSON.stringify(valueAt(++written)))
      waiting.add(put)
      const done = () => waiting.delete(put)
      put.then(done, (error) => {
        done()
        failure ??= error
      })
    }
    await pause(2)
  }
  await Promise.allSettled(waiting)
  if (failure !== undefined) throw failure
  return written
}

async function ask(method, path, body) {
  const headers = { "content-type": "application/json" }
  const answer = await fetch(`${url}${path}`, { method, headers, body })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
}

async function metrics() {
  const text = await (await fetch(`${url}/metrics`)).text()
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"))
  return Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.lastIndexOf(" ")),
      Number(line.slice(line.lastIndexOf(" ") + 1)),
    ]),
  )
}

function sum(series, name) {
  const own = Object.entries(series).filter(([key]) => key === name || key.startsWith(`${name}{`))
  return own.reduce((total, [, value]) => total + value, 0)
}

function keyOf(index) {
  return `services/${String(index).padStart(8, "0")}`
}

function valueAt(revision) {
  return `${String(revision).padStart(12, "0")}${"x".repeat(Math.max(0, bytes - 14))}`
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address()
  server.close()
  await once(server, "close")
  return port
}
