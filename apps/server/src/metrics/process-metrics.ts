import type { Exposition } from "./exposition.ts"

/** Facts of the process that serves a hub, for its metrics. */
export interface ProcessFacts {
  /** The version of the command. */
  readonly version: string
  /** Such as `node`, and its version. */
  readonly runtime: string
  readonly runtimeVersion: string
  /** Returns what the process has used since its start. */
  usage(): ProcessUsage
}

/** Use of the machine by one process. */
export interface ProcessUsage {
  /** CPU time of all threads, in seconds. */
  readonly cpuSeconds: number
  /** Bytes of memory that are not swapped out. */
  readonly residentBytes: number
  /** When it started, in seconds since 1970. */
  readonly startedAt: number
}

/** Adds the metrics of the process, under the names that all Prometheus clients use. */
export function addProcessMetrics(to: Exposition, facts: ProcessFacts): void {
  const { version, runtime, runtimeVersion } = facts
  const { cpuSeconds, residentBytes, startedAt } = facts.usage()
  const labels = { version, runtime, runtime_version: runtimeVersion }
  to.gauge("headwater_build_info", "1, with the versions as labels.", [{ labels, value: 1 }])
  to.counter("process_cpu_seconds_total", "CPU time of the process.", [{ value: cpuSeconds }])
  to.gauge("process_resident_memory_bytes", "Resident memory.", [{ value: residentBytes }])
  to.gauge("process_start_time_seconds", "Start, in seconds since 1970.", [{ value: startedAt }])
}
