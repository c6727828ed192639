import { systemClock } from "@headwater/core"
import { type Log, rareLog } from "../log.ts"
import { openAppendFile } from "../runtime/append-file.ts"
import { AuditLog } from "./audit-log.ts"
import { ConfigError } from "./config-error.ts"

/**
 * Opens the audit log of a path, `-` for standard output; returns none without a path.
 *
 * @throws {ConfigError} the file cannot be written.
 */
export async function openAudit(path: string | undefined, log: Log): Promise<AuditLog[]> {
  if (path === undefined) return []
  const rare = rareLog(log, systemClock)
  if (path === "-") {
    const print = async (lines: string) => console.log(lines.trimEnd())
    return [new AuditLog(print, systemClock, rare)]
  }
  try {
    const file = await openAppendFile(path)
    return [new AuditLog((lines) => file.append(lines), systemClock, rare)]
  } catch (error) {
    throw new ConfigError(`--audit ${path} cannot be written: ${(error as Error).message}`)
  }
}
