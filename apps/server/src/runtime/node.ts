import { readFile } from "node:fs/promises"
import { httpsFetch } from "./https-fetch.ts"
import { listen } from "./listen.ts"
import { processUsage, versionOfRuntime } from "./process-usage.ts"
import type { Runtime } from "./runtime.ts"
import { writeError } from "./write-error.ts"

/** https://nodejs.org/api/http.html, through @hono/node-server */
export const runtime: Runtime = {
  name: "node",
  version: versionOfRuntime("node"),
  usage: processUsage,

  args: process.argv.slice(2),

  env: (name) => process.env[name],

  isTerminal: process.stderr.isTTY === true,

  writeError,

  envNames: () => Object.keys(process.env),

  listen,

  onStop(stop) {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop)
  },

  onHangup(hangup) {
    process.on("SIGHUP", hangup)
  },

  onLostError(report) {
    process.on("unhandledRejection", report)
    process.on("uncaughtException", report)
  },

  exit: (code) => process.exit(code),

  fetchWith: httpsFetch,

  readText: (file) => readFile(file, "utf8"),
}
