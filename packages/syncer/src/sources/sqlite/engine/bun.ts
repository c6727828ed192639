import { createRequire } from "node:module"
import { type Connection, databaseOf, type SqliteEngine } from "./database.ts"
import { fileSystem } from "./file-system.ts"

// Only what this file calls, so that it compiles without the types of Bun.
type Open = new (path: string) => Connection

/** https://bun.sh/docs/api/sqlite */
export const engine: SqliteEngine = {
  ...fileSystem,
  name: "bun:sqlite",
  open(path) {
    const { Database } = createRequire(import.meta.url)("bun:sqlite") as { Database: Open }
    return databaseOf(new Database(path))
  },
}
