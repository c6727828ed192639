import { type ChildProcess, spawn } from "node:child_process"
import { get } from "node:https"
import { join } from "node:path"
// @ts-expect-error: a tool without types.
import { findRuntime } from "../runtimes.mjs"

/** Runtimes that a hub can be started on; `node` is the one of the test. */
export type RuntimeName = "node" | "node22" | "node24" | "bun" | "deno"

const main = join(import.meta.dirname, "../../apps/server/dist/main.js")

/** A shell's way to run what follows with a limit on open files, which is its first argument. */
const LIMITED = 'ulimit -n "$0" && exec "$@"'

/** A shell's way to run what follows with its errors in a file, which is its first argument. */
const REDIRECTED = 'exec "$@" 2>"$0"'

/** A hub as a user starts it: another process, its built code, a port of its own. */
export class HubProcess {
  readonly url: string
  readonly #child: ChildProcess
  readonly #exited: Promise<number | null>
  #output = ""

  private constructor(child: ChildProcess, url: string) {
    this.#child = child
    this.url = url
    this.#exited = new Promise((resolve) => child.once("exit", resolve))
    for (const stream of [child.stdout, child.stderr]) {
      stream!.on("data", (chunk) => {
        this.#output += chunk
      })
    }
  }

  /** Starts one and waits until it listens. `script`: of another version. */
  static async start(
    runtime: RuntimeName,
    port: number,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    openFilesMax?: number,
    errorsTo?: string,
    script: string = main,
  ): Promise<HubProcess> {
    const { binary, args: own } =
      runtime === "node"
        ? { binary: process.env["HEADWATER_NODE"] ?? "node", args: [] }
        : await findRuntime(runtime)
    const listen = ["--listen", `127.0.0.1:${port}`]
    const limit = openFilesMax === undefined ? [] : ["sh", "-c", LIMITED, String(openFilesMax)]
    const redirect = errorsTo === undefined ? [] : ["sh", "-c", REDIRECTED, errorsTo]
    const command = [...limit, ...redirect, binary, ...own, script, ...listen, ...args]
    const child = spawn(command[0]!, command.slice(1), {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    })
    const isTls = args.includes("--tls-cert")
    const hub = new HubProcess(child, `${isTls ? "https" : "http"}://127.0.0.1:${port}`)
    const deadline = performance.now() + 120_000
    for (;;) {
      const answers = await isAlive(`${hub.url}/healthz`)
      if (answers) return hub
      if (child.exitCode !== null || performance.now() > deadline) {
        child.kill("SIGKILL")
        throw new Error(`no hub at ${hub.url} on ${runtime}:\n${hub.output}`)
      }
      await pause(25)
    }
  }

  /** Everything that it has printed so far. */
  get output(): string {
    return this.#output
  }

  /** Resolves when all its topics have been in sync: before that it refuses writes. */
  async ready(): Promise<this> {
    while (!(await fetch(`${this.url}/readyz`)).ok) await pause(20)
    return this
  }

  /** Resolves with its exit code. */
  get exited(): Promise<number | null> {
    return this.#exited
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** Sends it a signal that may not end it. */
  signal(signal: "SIGHUP"): void {
    this.#child.kill(signal)
  }

  /** Asks it to end. Resolves with its exit code. */
  stop(signal: "SIGTERM" | "SIGINT" | "SIGKILL" = "SIGTERM"): Promise<number | null> {
    this.#child.kill(signal)
    return this.#exited
  }
}

/** Resolves with true if a hub answers; by HTTPS, with any certificate. */
function isAlive(url: string): Promise<boolean> {
  if (url.startsWith("http:")) {
    return fetch(url).then(
      (response) => response.ok,
      () => false,
    )
  }
  return new Promise((resolve) => {
    const request = get(url, { rejectUnauthorized: false, agent: false })
    request.on("error", () => resolve(false))
    request.on("response", (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
  })
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
