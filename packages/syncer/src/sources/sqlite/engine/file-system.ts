import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  type Stats,
  statSync,
} from "node:fs"
import { dirname, resolve } from "node:path"
import type { FileSystem, RawFile } from "./database.ts"

/** The files of all engines, by `node:fs`, which Node, Deno and Bun have. */
export const fileSystem: FileSystem = {
  resolve: (path) => resolve(path),
  remove: (path) => rmSync(path, { force: true }),
  markOf(path) {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
    return stat && `${stat.dev}.${stat.ino}`
  },
  sizeOf: (path) => lookAt(path)?.size,
  prepare(path) {
    const stat = lookAt(path)
    if (stat === undefined) return makeFolder(dirname(path))
    if (!stat.isFile()) throw new Error("it is not a regular file")
  },
  openRaw,
}

function lookAt(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false })
}

// Not `mkdirSync` with `recursive`, which on Node never returns where a folder cannot be made
// though its parent is there, as in `/proc`.
function makeFolder(folder: string): void {
  if (lookAt(folder) !== undefined) return
  makeFolder(dirname(folder))
  try {
    mkdirSync(folder)
  } catch (error) {
    // Another process may have made it meanwhile.
    if ((error as { code?: unknown }).code !== "EEXIST") throw error
  }
}

/** Descriptors by the file that they are of. */
const shared = new Map<string, { readonly descriptor: number; users: number }>()

/**
 * Opens a file to be read beside the engine. A process has one descriptor for each file, closed
 * with its last user: when any descriptor of a file is closed, POSIX drops all locks that the
 * process holds on that file, those of sqlite too.
 */
function openRaw(path: string): RawFile {
  const mark = fileSystem.markOf(path) ?? ""
  const kept = shared.get(mark) ?? { descriptor: openSync(path, "r"), users: 0 }
  shared.set(mark, kept)
  kept.users += 1
  let isOpen = true
  return {
    size: () => fstatSync(kept.descriptor).size,
    read(position, length) {
      const bytes = new Uint8Array(length)
      return bytes.subarray(0, readSync(kept.descriptor, bytes, 0, length, position))
    },
    close() {
      if (!isOpen) return
      isOpen = false
      kept.users -= 1
      if (kept.users > 0) return
      shared.delete(mark)
      closeSync(kept.descriptor)
    },
  }
}
