import { listen } from "./deno-listen.ts"
import { processUsage, versionOfRuntime } from "./process-usage.ts"
import type { Runtime } from "./runtime.ts"

// Only what this file calls. The official types of Deno and Bun declare the
// same globals differently, so one program cannot be checked against both.
declare const Deno: {
  args: readonly string[]
  stderr: { isTerminal(): boolean; write(bytes: Uint8Array): Promise<number> }
  env: { get(name: string): string | undefined; toObject(): Record<string, string> }
  addSignalListener(signal: "SIGINT" | "SIGTERM" | "SIGHUP", handler: () => void): void
  exit(code: number): never
  createHttpClient(options: { caCerts?: string[]; cert?: string; key?: string }): object
  readTextFile(path: string | URL): Promise<string>
}

/** https://docs.deno.com/api/deno/~/Deno.serve */
export const runtime: Runtime = {
  name: "deno",
  version: versionOfRuntime("deno"),
  usage: processUsage,

  get args() {
    return Deno.args
  },

  env: (name) => Deno.env.get(name),

  get isTerminal() {
    return Deno.stderr.isTerminal()
  },

  // Deno's own `node:fs` writes in the event loop.
  async writeError(text) {
    let rest = new TextEncoder().encode(text)
    while (rest.length > 0) rest = rest.subarray(await Deno.stderr.write(rest))
  },

  envNames() {
    try {
      return Object.keys(Deno.env.toObject())
    } catch {
      // The process was granted some variables by name.
      return []
    }
  },

  listen,

  onStop(stop) {
    for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, stop)
  },

  onHangup(hangup) {
    Deno.addSignalListener("SIGHUP", hangup)
  },

  // https://docs.deno.com/api/web/~/PromiseRejectionEvent
  onLostError(report) {
    globalThis.addEventListener("unhandledrejection", (event) => {
      event.preventDefault()
      report((event as Event & { reason: unknown }).reason)
    })
    globalThis.addEventListener("error", (event) => {
      event.preventDefault()
      report((event as Event & { error: unknown }).error)
    })
  },

  exit: (code) => Deno.exit(code),

  fetchWith: ({ ca, cert, key }) => {
    const client = Deno.createHttpClient({
      ...(ca !== undefined && { caCerts: [ca] }),
      ...(cert !== undefined && { cert, key }),
    })
    return ((input: string, init?: RequestInit) =>
      fetch(input, { ...init, client } as RequestInit)) as typeof fetch
  },

  readText: (file) => Deno.readTextFile(file),
}
