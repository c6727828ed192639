/**
 * A source in a file: what is written stays, with its revisions and its epoch, whatever happens to
 * the process. Other processes may use the file at the same time.
 *
 * @example
 * const source = sqliteSource({ path: "./data/config.db", clock: systemClock })
 * const value = new TextEncoder().encode("hello")
 * await source.write({ conditions: [], changes: [{ op: "put", key: "greeting", value }] }, signal)
 *
 * @module
 */
export {
  copySqliteFile,
  type SqliteFileEntry,
  type SqliteFileState,
  sqliteFileEntries,
  sqliteFileState,
} from "./file-copy.ts"
export { type SqliteOptions, SqliteSource, sqliteSource } from "./sqlite-source.ts"
export { sqliteType } from "./sqlite-type.ts"
