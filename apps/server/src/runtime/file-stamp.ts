import { stat } from "node:fs/promises"

/**
 * Resolves with a text that differs whenever a file was written, replaced or moved in, also behind
 * a symbolic link that now leads elsewhere; empty while the file cannot be read.
 */
export async function fileStamp(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = await stat(file)
    return [dev, ino, size, mtimeMs, ctimeMs].join("-")
  } catch {
    return ""
  }
}
