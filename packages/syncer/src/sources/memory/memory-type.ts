import { OptionError, type SourceType } from "@headwater/core"
import { mapSource } from "../../map-source.ts"
import { memorySource } from "./memory-source.ts"

/** `memory:` on a command line. */
export const memoryType: SourceType = {
  schemes: ["memory:"],
  writes: "unless-refused",
  forms: [["memory:", "forgotten when the hub stops"]],
  options: [],
  variables: [],
  parse({ rest, write }) {
    if (rest !== "") throw new OptionError("memory:", `memory: takes no name, not "${rest}"`)
    return {
      kind: "memory",
      async open() {
        const source = memorySource()
        return write ? source : mapSource(source, { write: undefined })
      },
    }
  },
}
