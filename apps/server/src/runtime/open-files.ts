import { readdirSync, readFileSync } from "node:fs"

/** Open files that are kept for everything but connections of readers, beside a twentieth. */
const RESERVED = 16

/**
 * Connections that a server may have open before this process runs out of descriptors: what then
 * fails is also the hub's own reading, and no runtime says so in time. `Infinity` where the system
 * does not tell its limit.
 */
export function connectionsMax(): number {
  const limit = openFilesMax()
  if (!Number.isFinite(limit)) return limit
  return Math.max(1, Math.floor(limit - openFiles() - RESERVED - limit / 20))
}

/** The limit of `ulimit -n`, from `/proc` or the runtime's own report. */
export function openFilesMax(): number {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8")
    return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY)
  } catch {
    return openFilesReported()
  }
}

/** The limit that the runtime's own report has; `Infinity` where it has none. */
export function openFilesReported(): number {
  try {
    const report = process.report?.getReport() as { userLimits?: Record<string, Limit> } | undefined
    const soft = Number(report?.userLimits?.open_files?.soft)
    return Number.isFinite(soft) ? soft : Number.POSITIVE_INFINITY
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

interface Limit {
  readonly soft: number | "unlimited"
}

/**
 * Descriptors that are open now; `Infinity` when none is left to count them with, and a guess where
 * the system does not tell.
 */
export function openFiles(): number {
  try {
    return readdirSync("/proc/self/fd").length
  } catch (error) {
    const { code } = error as { code?: string }
    return code === "EMFILE" || code === "ENFILE" ? Number.POSITIVE_INFINITY : 64
  }
}
