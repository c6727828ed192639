import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "@headwater/testing/etcd"
import { pause } from "./hub-process.ts"

const DEPLOY = join(import.meta.dirname, "../../deploy")
const START_MS = 60_000

/** One series of an answer, with the value that it has now. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}

/** Returns true if a Prometheus is installed, or has to be. */
export function prometheusAvailable(): boolean {
  if (process.env.HEADWATER_REQUIRE_PROMETHEUS === "1") return true
  return spawnSync("sh", ["-c", "command -v prometheus"]).status === 0
}

/** A Prometheus with the files of `deploy/`, faster than there: it looks each second. */
export class PrometheusProcess {
  readonly url: string
  readonly #child: ChildProcess
  readonly #folder: string
  #output = ""

  private constructor(child: ChildProcess, url: string, folder: string) {
    this.#child = child
    this.url = url
    this.#folder = folder
    child.stderr!.on("data", (chunk) => {
      this.#output += chunk
    })
  }

  /** Starts one that scrapes these targets, `HOST:PORT`, and waits until it serves. */
  static async start(targets: readonly string[]): Promise<PrometheusProcess> {
    const folder = mkdtempSync(join(tmpdir(), "headwater-prometheus-"))
    cpSync(join(DEPLOY, "alerts.yml"), join(folder, "alerts.yml"))
    const rules = readFileSync(join(folder, "alerts.yml"), "utf8")
    writeFileSync(join(folder, "alerts.yml"), rules.replaceAll(/for: \d+m/g, "for: 1s"))
    const config = readFileSync(join(DEPLOY, "prometheus.yml"), "utf8")
      .replaceAll("15s", "1s")
      .replace(/targets: \[.*\]/, `targets: ${JSON.stringify(targets)}`)
    writeFileSync(join(folder, "prometheus.yml"), config)
    const port = await freePort()
    const args = [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]
    const child = spawn("prometheus", args, { stdio: ["ignore", "ignore", "pipe"] })
    const started = new PrometheusProcess(child, `http://127.0.0.1:${port}`, folder)
    await started.#ready()
    return started
  }

  /** Asks for the value of an expression now. Rejects when Prometheus refuses it. */
  async query(expression: string): Promise<readonly Series[]> {
    const query = new URLSearchParams({ query: expression })
    const answer = await fetch(`${this.url}/api/v1/query?${query}`)
    const { status, error, data } = (await answer.json()) as {
      status: string
      error?: string
      data?: { result: Series[] }
    }
    if (status !== "success") throw new Error(`${expression}: ${error}`)
    return data!.result
  }

  /** Waits until an expression has so many series. */
  async until(expression: string, count: number, timeoutMs: number): Promise<readonly Series[]> {
    const deadline = performance.now() + timeoutMs
    for (;;) {
      const series = await this.query(expression)
      if (series.length === count) return series
      if (performance.now() > deadline) {
        throw new Error(`${expression} has ${series.length} series, not ${count}`)
      }
      await pause(200)
    }
  }

  /** Ends it, and removes its data. */
  async stop(): Promise<void> {
    const exited = new Promise((resolve) => this.#child.once("exit", resolve))
    if (this.#child.exitCode === null && this.#child.kill()) await exited
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #ready(): Promise<void> {
    const deadline = performance.now() + START_MS
    const isReady = () =>
      fetch(`${this.url}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      )
    while (!(await isReady())) {
      if (this.#child.exitCode !== null || performance.now() > deadline) {
        await this.stop()
        throw new Error(`prometheus did not start:\n${this.#output.slice(-2_000)}`)
      }
      await pause(50)
    }
  }
}
