import { type ChildProcess, spawn } from "node:child_process"
import { writeFileSync } from "node:fs"
import { createServer, request, type Server } from "node:http"
import { join } from "node:path"
import { createGzip } from "node:zlib"

/** A proxy before a hub that has one fault; `good` has none. */
export type FaultyProxy = "good" | "buffers" | "strips" | "host"

const FAULTS: Readonly<Record<FaultyProxy, string>> = {
  good: "proxy_http_version 1.1;",
  buffers: "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;",
  strips: 'proxy_set_header Last-Event-ID "";',
  host: "proxy_set_header Host hub.example;",
}

/** Starts an nginx with a port for each fault. Returns the process; the caller ends it. */
export function startNginx(
  folder: string,
  hubUrl: string,
  ports: Readonly<Record<FaultyProxy, number>>,
): ChildProcess {
  const servers = Object.entries(FAULTS).map(
    ([name, lines]) => `
      server {
        listen 127.0.0.1:${ports[name as FaultyProxy]};
        location / { proxy_pass ${hubUrl}; ${lines} }
      }`,
  )
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  )
  const file = join(folder, "nginx.conf")
  writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log stderr;
    events {}
    http { access_log off; ${temporary.join(" ")} ${servers.join("")} }`,
  )
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` }
  return spawn("nginx", ["-p", folder, "-c", file], { stdio: ["ignore", "ignore", "inherit"], env })
}

/** Serves a proxy that compresses every answer and never flushes, as a middleware of Node does. */
export function startCompressor(port: number, hubUrl: string): Promise<Server> {
  const server = createServer((incoming, outgoing) => {
    const { pathname, search } = new URL(incoming.url!, hubUrl)
    const headers = { ...incoming.headers, host: new URL(hubUrl).host }
    const onward = request(`${hubUrl}${pathname}${search}`, { headers }, (answer) => {
      const isCoded = /gzip/.test(String(incoming.headers["accept-encoding"]))
      const { "content-length": length, ...others } = answer.headers
      const own = isCoded ? { "content-encoding": "gzip" } : length && { "content-length": length }
      outgoing.writeHead(answer.statusCode!, { ...others, ...own })
      if (isCoded) answer.pipe(createGzip()).pipe(outgoing)
      else answer.pipe(outgoing)
    })
    onward.on("error", () => outgoing.destroy())
    outgoing.on("close", () => onward.destroy())
    onward.end()
  })
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(server)))
}
