import { createRequire } from "node:module"
import { type Connection, databaseOf, type SqliteEngine, type SqlValue } from "./database.ts"
import { fileSystem } from "./file-system.ts"

// Only what this file calls, so that it compiles without the types of either engine.
type Open = new (path: string) => Connection
type OpenLibsql = new (
  path: string,
) => {
  exec(sql: string): unknown
  prepare(sql: string): { run(values: SqlValue[]): unknown; all(values: SqlValue[]): unknown[] }
  close(): void
}

/**
 * The runtime's own sqlite where it has one (Node 22.13 and later, Deno 2.2 and later), else
 * `libsql`: Node 20 has none. Which it is, is asked of the runtime and not of its version.
 */
const own = process.getBuiltinModule?.("node:sqlite") as { DatabaseSync: Open } | undefined

export const engine: SqliteEngine = {
  ...fileSystem,
  name: own === undefined ? "libsql" : "node:sqlite",
  open(path) {
    return databaseOf(own === undefined ? openLibsql(path) : new own.DatabaseSync(path))
  },
}

// It takes a lone blob for a table of named values and ends the process, so values go as a list.
function openLibsql(path: string): Connection {
  const Libsql = createRequire(import.meta.url)("libsql") as OpenLibsql
  const connection = new Libsql(path)
  return {
    exec: (sql) => connection.exec(sql),
    prepare(sql) {
      const statement = connection.prepare(sql)
      return {
        run: (...values) => statement.run(values),
        all: (...values) => statement.all(values),
      }
    },
    close: () => connection.close(),
  }
}
