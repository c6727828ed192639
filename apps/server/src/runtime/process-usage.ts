import process from "node:process"
import type { ProcessUsage } from "../metrics/process-metrics.ts"

/** Returns what this process has used. Every runtime has these three of Node's names. */
export function processUsage(): ProcessUsage {
  const { user, system } = process.cpuUsage()
  return {
    cpuSeconds: (user + system) / 1e6,
    residentBytes: process.memoryUsage.rss(),
    startedAt: performance.timeOrigin / 1_000,
  }
}

/** Returns the version of a runtime, in its own numbers. */
export function versionOfRuntime(name: "node" | "bun" | "deno"): string {
  return process.versions[name] ?? process.versions.node
}
