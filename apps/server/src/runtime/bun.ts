import { type Runtime, urlOf } from "./runtime.ts"

// Only what this file calls: see deno.ts.
declare const Bun: {
  argv: readonly string[]
  env: Record<string, string | undefined>
  file(path: string | URL): { text(): Promise<string> }
  serve(options: {
    hostname: string
    port: number
    idleTimeout: number
    fetch(request: Request): Response | Promise<Response>
  }): { port: number; stop(closeActive: boolean): Promise<void> }
}

/** https://bun.sh/docs/api/http */
export const runtime: Runtime = {
  name: "bun",

  get args() {
    return Bun.argv.slice(2)
  },

  env: (name) => Bun.env[name],

  async listen(fetch, { hostname, port }) {
    // Bun would close a stream that is silent for 10 s; heartbeats and the far end decide instead.
    const options = { hostname, port, idleTimeout: 0, fetch: (request: Request) => fetch(request) }
    const server = Bun.serve(options)
    return { url: urlOf(hostname, server.port), close: () => server.stop(false) }
  },

  onStop(stop) {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop)
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
