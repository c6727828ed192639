import { listen } from "./bun-listen.ts"
import { processUsage, versionOfRuntime } from "./process-usage.ts"
import type { Runtime } from "./runtime.ts"
import { writeError } from "./write-error.ts"

// Only what this file calls: see deno.ts.
declare const Bun: {
  argv: readonly string[]
  env: Record<string, string | undefined>
  file(path: string | URL): { text(): Promise<string> }
}

/** https://bun.sh/docs/api/http */
export const runtime: Runtime = {
  name: "bun",
  version: versionOfRuntime("bun"),
  usage: processUsage,

  get args() {
    return Bun.argv.slice(2)
  },

  env: (name) => Bun.env[name],

  isTerminal: process.stderr.isTTY === true,

  writeError,

  envNames: () => Object.keys(Bun.env),

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

  // https://bun.sh/docs/api/fetch#tls
  fetchWith: (tls) =>
    ((input: string, init?: RequestInit) =>
      fetch(input, { ...init, tls } as RequestInit)) as typeof fetch,

  readText: (file) => Bun.file(file).text(),
}
