/**
 * One connection to a sqlite file, as each runtime's own engine gives it.
 *
 * Every call is synchronous and never waits for a lock: a locked file throws at once.
 *
 * Decision: docs/decisions/sources.md, “sqlite runs in the runtime”.
 */
export interface Database {
  /** Runs statements that answer nothing and take no values. */
  exec(sql: string): void
  /** Runs one statement, which is prepared once and kept by its text. */
  run(sql: string, ...values: SqlValue[]): void
  /** The rows of one statement, which is prepared once and kept by its text. */
  all(sql: string, ...values: SqlValue[]): SqlRow[]
  close(): void
}

/** The value of a column. Integers stay below 2⁵³. */
export type SqlValue = number | string | Uint8Array | null

/** Blobs come as a `Uint8Array` or as an `ArrayBuffer`: see `bytesOf`. */
export type SqlRow = Readonly<Record<string, SqlValue | ArrayBuffer>>

/** The export of `#sqlite`. */
export interface SqliteEngine extends FileSystem {
  /** For logs: `node:sqlite`, `bun:sqlite`, `libsql`. */
  readonly name: string
  /** Opens the file, making it where it is absent. */
  open(path: string): Database
}

/** Files, as far as a source looks at them beside the engine. */
export interface FileSystem {
  /** The absolute path. A text that looks like a URL is a path as well. */
  resolve(path: string): string
  /** The mark of the file at a path, unique on this machine: `DEVICE.INODE`. */
  markOf(path: string): string | undefined
  /** Bytes; `undefined` where there is no file. */
  sizeOf(path: string): number | undefined
  /** Makes the folders above a file that is absent. Throws where neither it nor they can be. */
  prepare(path: string): void
  /** Removes a file, if it is there. */
  remove(path: string): void
  openRaw(path: string): RawFile
}

/** A file on the disk, as bytes. */
export interface RawFile {
  size(): number
  /** Fewer bytes at the end of the file. */
  read(position: number, length: number): Uint8Array
  close(): void
}

/** A prepared statement, as all engines have it. */
export interface Prepared {
  run(...values: SqlValue[]): unknown
  all(...values: SqlValue[]): unknown[]
}

/** A connection, as all engines have it. */
export interface Connection {
  exec(sql: string): unknown
  prepare(sql: string): Prepared
  close(): void
}

/** Makes a `Database` of an engine's connection. */
export function databaseOf(connection: Connection): Database {
  const statements = new Map<string, Prepared>()
  const prepared = (sql: string): Prepared => {
    const known = statements.get(sql)
    if (known !== undefined) return known
    const made = connection.prepare(sql)
    statements.set(sql, made)
    return made
  }
  return {
    exec: (sql) => {
      connection.exec(sql)
    },
    run: (sql, ...values) => {
      prepared(sql).run(...values)
    },
    all: (sql, ...values) => prepared(sql).all(...values) as SqlRow[],
    close() {
      statements.clear()
      connection.close()
    },
  }
}

/** A blob as bytes. Some engines give nothing for an empty one. */
export function bytesOf(value: SqlRow[string] | undefined): Uint8Array {
  if (value instanceof Uint8Array) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  }
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  return new Uint8Array(0)
}
