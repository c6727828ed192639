import { open } from "node:fs/promises"

/** A file that lines are added to. */
export interface AppendFile {
  /** Rejects when they could not be written, as with a full disk; some may have been. */
  append(text: string): Promise<void>
  close(): Promise<void>
}

/** Opens a file to append to; a new one can be read by its owner alone. */
export async function openAppendFile(path: string): Promise<AppendFile> {
  const file = await open(path, "a", 0o600)
  return {
    append: (text) => file.appendFile(text, "utf8"),
    close: () => file.close(),
  }
}
