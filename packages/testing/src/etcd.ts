/**
 * A real etcd for tests, started and mistreated on purpose. Needs the `etcd` binary on the PATH
 * (Debian: `apt-get install etcd-server`), and Node, Bun or Deno.
 *
 * @example
 * const etcd = await startEtcd()
 * await etcd.kill()
 * await etcd.restart()
 * await etcd.dispose()
 *
 * @module
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

const START_MS = 15_000
const STOP_MS = 5_000
const POLL_MS = 20

/** Options of a test's etcd. */
export interface EtcdOptions {
  /** Interval of progress on an idle watch, ms; 500 by default, etcd's own is 10 min. */
  readonly progressMs?: number
  /** Of the member; a random one by default, which no other etcd has. */
  readonly name?: string
  /** More arguments for the binary, after ours. */
  readonly args?: readonly string[]
  /** Serves with TLS as well, at `secureUrl`, and asks for a certificate of the CA's. */
  readonly secure?: EtcdSecurity
}

/** Files in PEM. The certificate is the server's, good for clients too: its gateway shows it. */
export interface EtcdSecurity {
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
}

/** Returns true if an `etcd` binary is on the PATH. Costs one process. */
export function etcdAvailable(): boolean {
  return spawnSync("etcd", ["--version"], { stdio: "ignore" }).status === 0
}

/** Starts an etcd of one member on free ports, with data of its own, and waits until it serves. */
export async function startEtcd(options: EtcdOptions = {}): Promise<Etcd> {
  for (let attempt = 1; ; attempt++) {
    const ports = [await freePort(), await freePort(), await freePort()] as const
    const etcd = new Etcd(ports, options)
    try {
      await etcd.start()
      return etcd
    } catch (error) {
      await etcd.dispose()
      // Another process may take a port between our look and etcd's bind. Not three times in a row.
      if (attempt === 3) throw error
    }
  }
}

/**
 * One etcd process, or the place of one: ports and data stay when the process goes.
 *
 * Its name is random, and it serves only once that name answers at its port: so a test never writes
 * to an etcd that another program runs there.
 */
export class Etcd {
  readonly url: string
  /** The address at which it serves with TLS, if it does. */
  readonly secureUrl: string
  /** The address for other members of its cluster. */
  readonly peerUrl: string
  readonly name: string
  readonly #directory = mkdtempSync(join(tmpdir(), "headwater-etcd-"))
  readonly #options: EtcdOptions
  #child: ChildProcess | undefined
  #log = ""

  constructor(
    ports: readonly [client: number, peer: number, secure: number],
    options: EtcdOptions,
  ) {
    const [clientPort, peerPort, securePort] = ports
    this.url = `http://127.0.0.1:${clientPort}`
    this.peerUrl = `http://127.0.0.1:${peerPort}`
    this.secureUrl = `https://127.0.0.1:${securePort}`
    this.name = options.name ?? `headwater-${crypto.randomUUID()}`
    this.#options = options
  }

  /** The address at which it listens, in the form of a source: `127.0.0.1:2379`. */
  get host(): string {
    return this.url.slice("http://".length)
  }

  get running(): boolean {
    return this.#child !== undefined
  }

  /** Starts the process on the ports and the data it had, and waits until it serves. */
  async start(): Promise<void> {
    this.launch()
    await this.ready()
  }

  /** Starts the process: a member of several serves only when most of them do. */
  launch(): void {
    if (this.#child) throw new Error("this etcd runs already")
    this.#child = this.#spawn()
  }

  /** Waits until it serves. */
  async ready(): Promise<void> {
    const deadline = performance.now() + START_MS
    while (!(await this.#answers())) {
      if (!this.#child || performance.now() > deadline) {
        throw new Error(`etcd did not start at ${this.url}:\n${this.#log.slice(-2_000)}`)
      }
      await pause(POLL_MS)
    }
  }

  /** Asks the process to end, and waits until it has. */
  stop(): Promise<void> {
    return this.#end("SIGTERM")
  }

  /** Ends the process without a word, as a crash does, and waits until it is gone. */
  kill(): Promise<void> {
    return this.#end("SIGKILL")
  }

  /** `kill` when it runs, then `start`: same ports, same data. */
  async restart(): Promise<void> {
    await this.kill()
    await this.start()
  }

  /** Freezes the process: its connections stay open and say nothing. */
  freeze(): void {
    if (this.#child) send(this.#child, "SIGSTOP")
  }

  thaw(): void {
    if (this.#child) send(this.#child, "SIGCONT")
  }

  /** Ends the process and forgets its data: what starts next is another cluster. */
  async wipe(): Promise<void> {
    await this.kill()
    rmSync(join(this.#directory, "data"), { recursive: true, force: true })
  }

  /** Writes all that it holds now to a file, as `etcdctl snapshot save` does. */
  async save(file: string): Promise<void> {
    await etcdctl(["--endpoints", this.url, "snapshot", "save", file])
  }

  /**
   * Ends the process and puts what a file holds in the place of its data; start it then.
   *
   * @param token the cluster's; the same one makes the same cluster id as before.
   */
  async restore(file: string, token = "etcd-cluster"): Promise<void> {
    await this.wipe()
    await etcdctl([
      ...["snapshot", "restore", file, "--data-dir", join(this.#directory, "data")],
      ...["--name", this.name, "--initial-cluster", `${this.name}=${this.peerUrl}`],
      ...["--initial-advertise-peer-urls", this.peerUrl, "--initial-cluster-token", token],
    ])
  }

  /** Forgets the history below a revision; below the present one by default. Returns which. */
  async compact(revision?: number): Promise<number> {
    const at = revision ?? (await this.revision())
    await this.call("/v3/kv/compaction", { revision: String(at), physical: true })
    return at
  }

  /** The present revision. */
  async revision(): Promise<number> {
    const answer = await this.call("/v3/kv/range", { key: "AA==", keys_only: true })
    return Number((answer as { header: { revision: string } }).header.revision)
  }

  /** Writes one key, both texts, and returns the revision. */
  async put(key: string, value: string): Promise<number> {
    const answer = await this.call("/v3/kv/put", { key: base64(key), value: base64(value) })
    return Number((answer as { header: { revision: string } }).header.revision)
  }

  /** Calls the JSON gateway: keys and values are base64, 64-bit numbers are strings. */
  async call(path: string, body: object, signal?: AbortSignal): Promise<unknown> {
    const init = { method: "POST", body: JSON.stringify(body), ...(signal && { signal }) }
    const response = await fetch(this.url + path, init)
    const text = await response.text()
    if (!response.ok) throw new Error(`etcd ${path}: ${response.status} ${text}`)
    return JSON.parse(text)
  }

  /** Ends the process and removes its data. */
  async dispose(): Promise<void> {
    await this.kill()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  #spawn(): ChildProcess {
    const child = spawn("etcd", this.#args(), { stdio: ["ignore", "ignore", "pipe"] })
    this.#log = ""
    child.stderr?.on("data", (chunk) => {
      this.#log = (this.#log + chunk).slice(-20_000)
    })
    // An etcd must not outlive the test that forgot it.
    const killNow = () => send(child, "SIGKILL")
    process.on("exit", killNow)
    child.once("close", () => {
      process.removeListener("exit", killNow)
      if (this.#child === child) this.#child = undefined
    })
    child.once("error", (error) => {
      this.#log += String(error)
      if (child.pid === undefined) this.#child = undefined // there is no such binary
    })
    return child
  }

  #args(): string[] {
    const { progressMs = 500, args = [], secure } = this.#options
    const clientUrls = secure ? `${this.url},${this.secureUrl}` : this.url
    return [
      ...["--name", this.name],
      ...["--data-dir", join(this.#directory, "data")],
      ...["--listen-client-urls", clientUrls],
      ...["--advertise-client-urls", clientUrls],
      ...(secure ? ["--cert-file", secure.certFile, "--key-file", secure.keyFile] : []),
      ...(secure ? ["--trusted-ca-file", secure.caFile, "--client-cert-auth"] : []),
      ...["--listen-peer-urls", this.peerUrl],
      ...["--initial-advertise-peer-urls", this.peerUrl],
      ...["--initial-cluster", `${this.name}=${this.peerUrl}`],
      ...["--experimental-watch-progress-notify-interval", `${progressMs}ms`],
      // A member alone need not wait a second to be sure that it is.
      ...["--heartbeat-interval", "20", "--election-timeout", "200"],
      "--enable-v2",
      ...args,
    ]
  }

  async #answers(): Promise<boolean> {
    try {
      const signal = AbortSignal.timeout(1_000)
      const health = await fetch(`${this.url}/health`, { signal })
      if (!(await health.text()).includes("true")) return false
      const members = await this.call("/v3/cluster/member/list", {})
      return JSON.stringify(members).includes(this.name)
    } catch {
      return false
    }
  }

  async #end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#child
    if (!child) return
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()))
    send(child, "SIGCONT")
    send(child, signal)
    const giveUp = setTimeout(() => send(child, "SIGKILL"), STOP_MS)
    await ended
    clearTimeout(giveUp)
    this.#child = undefined
  }
}

/** Runs `etcdctl`, of the same package as etcd or of its own (Debian: `etcd-client`). */
function etcdctl(args: readonly string[]): Promise<void> {
  const child = spawn("etcdctl", args, {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ETCDCTL_API: "3" },
  })
  let said = ""
  child.stderr.on("data", (chunk) => {
    said += chunk
  })
  return new Promise((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (code) => {
      if (code === 0) resolve()
      else reject(new Error(`etcdctl ${args.join(" ")}: exit ${code}\n${said}`))
    })
  })
}

/**
 * Sends a signal to a process that may have ended. Not by `child.kill`: on Deno 2.9.6 that sends
 * one signal, whichever comes first, and no second one.
 */
function send(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  try {
    process.kill(child.pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
  }
}

/** A port of the loopback that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)))
}
