import { mkdirSync, rmSync, statSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, resolve } from "node:path"
import { type Connection, databaseOf, type SqliteEngine } from "./database.ts"

// Only what this file calls, so that it compiles without the types of Bun.
type Open = new (path: string) => Connection

/** https://bun.sh/docs/api/sqlite */
export const engine: SqliteEngine = {
  name: "bun:sqlite",
  resolve: (path) => resolve(path),
  remove: (path) => rmSync(path, { force: true }),
  markOf(path) {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
    return stat && `${stat.dev}.${stat.ino}`
  },
  open(path) {
    mkdirSync(dirname(path), { recursive: true })
    const { Database } = createRequire(import.meta.url)("bun:sqlite") as { Database: Open }
    return databaseOf(new Database(path))
  },
}
