import { systemClock } from "@headwater/core"
import { fileStamp } from "../../runtime/file-stamp.ts"

/** Interval at which files are looked at, in ms: two looks are within a second. */
const LOOK_MS = 300

/**
 * Calls `onChange` with a file that was written, replaced, removed, or reached by a symbolic link
 * that was swapped, as Kubernetes does it. A watch of the system would miss the last.
 *
 * A file counts as changed once two looks agree about it, so that one which is being written is
 * read when it is whole. It returns when the signal aborts.
 *
 * @param files returns the files to look at; asked at each look.
 */
export async function watchFiles(
  files: () => readonly string[],
  onChange: (file: string) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const known = new Map<string, string>()
  const looked = new Map<string, string>()
  while (!signal.aborted) {
    for (const file of files()) {
      const stamp = await fileStamp(file)
      if (!known.has(file)) known.set(file, stamp)
      else if (stamp !== known.get(file) && stamp === looked.get(file)) {
        known.set(file, stamp)
        await onChange(file)
      }
      looked.set(file, stamp)
    }
    // The signal ends the wait.
    await systemClock.sleep(LOOK_MS, signal).catch(() => {})
  }
}
