import { open, readFile, rename, unlink } from "node:fs/promises"
import type { ReplicaStorage } from "./stored.ts"

/**
 * Keeps one state in a file, with another one beside it while it is written: `PATH.new` is flushed
 * to the disk, and takes the place of `PATH` in one step. So whatever ends the process, or the
 * power, the file is one of the states that were saved, whole.
 *
 * For one process at a time.
 */
export function fileStorage(path: string): ReplicaStorage {
  const next = `${path}.new`
  return {
    async load() {
      try {
        return await readFile(path)
      } catch (error) {
        if ((error as { code?: unknown }).code === "ENOENT") return undefined
        throw error
      }
    },
    async save(bytes) {
      const file = await open(next, "w")
      try {
        await file.writeFile(bytes)
        await file.sync()
      } catch (error) {
        await file.close()
        await unlink(next).catch(() => {}) // The failure is reported; this only tidies up.
        throw error
      }
      await file.close()
      await rename(next, path)
    },
  }
}
