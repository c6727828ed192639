import type { LogWriter } from "../../log-writer.ts"
import type { ReloadPart } from "./reload-part.ts"

/** The part of a reload that moves the level of the log. */
export function logLevelPart(writer: LogWriter): ReloadPart {
  return {
    async prepare({ values: { "log-level": level } }) {
      if (level === writer.level) return undefined
      const apply = () => {
        writer.level = level
      }
      return { change: `log-level ${level}`, apply }
    },
  }
}
