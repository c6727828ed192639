import { OptionError, type SourceType } from "@headwater/core"
import { mapSource } from "../../map-source.ts"
import { sqliteSource } from "./sqlite-source.ts"

/** `sqlite:PATH` on a command line. */
export const sqliteType: SourceType = {
  schemes: ["sqlite:"],
  writes: "unless-refused",
  forms: [["sqlite:PATH", "kept in a file, which is made where it is absent"]],
  options: [],
  variables: [],
  parse({ rest, write }) {
    const path = pathOf(rest)
    return {
      kind: "sqlite",
      async open({ clock, warn }) {
        const source = sqliteSource({ path, clock, warn })
        return write ? source : mapSource(source, { write: undefined })
      },
      fileOf: ({ name }) => name.slice("sqlite:".length),
    }
  },
}

function pathOf(rest: string): string {
  if (rest === "" || rest.endsWith("/") || rest.startsWith(":")) {
    throw new OptionError("sqlite:", "say which file: sqlite:./data/NAME.db")
  }
  try {
    return decodeURIComponent(rest)
  } catch {
    throw new OptionError("sqlite:", `the path "${rest}" is not URL-encoded UTF-8`)
  }
}
