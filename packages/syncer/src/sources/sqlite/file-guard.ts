import { decodeUtf8 } from "@headwater/core"
import type { Database, FileSystem, RawFile } from "./engine/database.ts"

/** The first bytes of a log, in either order of its checksums. */
const LOG_MAGICS = new Set([0x377f0682, 0x377f0683])
/** The offset of the number of pages in the header of a database. */
const PAGES_AT = 28

/**
 * Looks at an open file, and at its log, as they stand on the disk: whether they were truncated,
 * overwritten or taken away behind the engine's back.
 *
 * The engine does not notice by itself. It goes on reading from its caches and appending to the
 * log, and what it wrote is gone once the file is opened again.
 *
 * Cost: some 10 µs a look, for three `stat`s and two short reads.
 */
export class FileGuard {
  /** The mark of the log, which is there while the file is open. */
  readonly logMark: string | undefined
  readonly #files: FileSystem
  readonly #path: string
  readonly #file: RawFile
  readonly #log: RawFile | undefined
  readonly #pageBytes: number
  /** The page of the file that holds its epoch, and never moves while it is open. */
  readonly #epochPage: number | undefined
  readonly #epoch: string
  /** The largest size of the file since an engine last made it smaller. */
  #bytes: number

  /** @param database the open file; its first pages were written to it by a checkpoint. */
  constructor(files: FileSystem, path: string, database: Database) {
    this.#files = files
    this.#path = path
    this.#file = files.openRaw(path)
    this.#bytes = this.#file.size()
    this.logMark = files.markOf(logOf(path))
    this.#log = this.logMark === undefined ? undefined : files.openRaw(logOf(path))
    this.#pageBytes = Number(database.all("pragma page_size")[0]?.page_size)
    this.#epoch = String(database.all("select epoch from state")[0]?.epoch)
    const [root] = database.all("select rootpage from sqlite_master where name = 'state'")
    const page = Number(root?.rootpage)
    // Not there yet where another process keeps the checkpoint from its end.
    this.#epochPage = this.#holdsEpoch(page) ? page : undefined
  }

  /** Describes the damage, as the rest of a sentence; `undefined` when the file is whole. */
  damage(): string | undefined {
    const bytes = this.#file.size()
    if (bytes < this.#bytes && bytes < this.#wholeBytes()) {
      return `was truncated to ${bytes} bytes`
    }
    this.#bytes = bytes
    if (this.#epochPage !== undefined && !this.#holdsEpoch(this.#epochPage)) {
      return "was overwritten"
    }
    if (this.#log === undefined) return undefined
    if (this.#files.markOf(logOf(this.#path)) !== this.logMark) return "lost its -wal file"
    const magic = this.#log.read(0, 4)
    const isWhole = magic.length === 0 || LOG_MAGICS.has(integerOf(magic))
    return isWhole ? undefined : "had its -wal file overwritten"
  }

  /** Call it after the database was closed. */
  close(): void {
    this.#log?.close()
    this.#file.close()
  }

  #wholeBytes(): number {
    const pages = this.#file.read(PAGES_AT, 4)
    return pages.length < 4 ? 1 : integerOf(pages) * this.#pageBytes
  }

  #holdsEpoch(page: number): boolean {
    const bytes = this.#file.read((page - 1) * this.#pageBytes, this.#pageBytes)
    return decodeUtf8(bytes).includes(this.#epoch)
  }
}

/** The log that lies beside a database. */
export function logOf(path: string): string {
  return `${path}-wal`
}

function integerOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0)
}
