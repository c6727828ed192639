import { ConfigError } from "../config-error.ts"

/** A field of a settings file: its texts, of which a list has several, and its line. */
export interface FileField {
  readonly texts: readonly string[]
  readonly line: number
}

/** The content of a settings file. */
export interface SettingsFile {
  readonly path: string
  /** By name, in the order of the file. */
  readonly fields: ReadonlyMap<string, FileField>
}

/** The largest settings file that is read: 1 MiB. */
const FILE_CHARS_MAX = 1_048_576

/**
 * Reads the text of a settings file: a YAML mapping of names to texts, numbers, `true` or `false`,
 * or lists of them. JSON is YAML, too. Each value is taken as it is spelled, so that it means the
 * same as on the command line.
 *
 * @throws {ConfigError} with the file, the line and the name.
 */
export async function readSettingsFile(path: string, text: string): Promise<SettingsFile> {
  if (text.length > FILE_CHARS_MAX) {
    throw new ConfigError(`${path} is larger than 1 MiB: it is no settings file`)
  }
  if (/[\0\uFFFD]/.test(text)) throw new ConfigError(`${path} is no text in UTF-8`)
  const { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } = await import("yaml")
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false })
  const at = (offset: number) => `${path}, line ${lines.linePos(offset).line}`
  if (!Array.isArray(documents) || documents.length === 0) return { path, fields: new Map() }
  const [document, second] = documents
  if (second !== undefined) {
    throw new ConfigError(`${at(second.range[0])}: a settings file has one document`)
  }
  const [error] = document!.errors
  if (error !== undefined) {
    const hint = error.code === "BLOCK_AS_IMPLICIT_KEY" ? "; quote the value" : ""
    throw new ConfigError(`${at(error.pos[0])}: ${error.message.split("\n")[0]}${hint}`)
  }
  const root: unknown = document!.contents
  if (root === null || (isScalar(root) && root.value === null)) return { path, fields: new Map() }
  if (!isMap(root)) throw new ConfigError(`${path} must have lines of "name: value"`)

  const textOf = (node: unknown, name: string, where: string): string => {
    // YAML reads the item "a=memory:" as a mapping from "a=memory" to nothing.
    if (isMap(node) && node.items.length === 1) {
      const { key, value } = node.items[0]!
      if (isScalar(key) && (value === null || (isScalar(value) && value.source === ""))) {
        return `${key.source ?? key.value}:`
      }
    }
    if (isScalar(node) && node.value !== null && node.value !== "") {
      if (typeof node.value !== "object") return node.source ?? String(node.value)
    }
    const what = isAlias(node) ? "no alias" : "a text, a number, true, false or a list of them"
    throw new ConfigError(`${where}: ${name} takes ${what}`)
  }
  const fields = new Map<string, FileField>()
  for (const { key, value } of root.items) {
    const offset = (key as { range?: [number] }).range?.[0] ?? 0
    if (!isScalar(key)) throw new ConfigError(`${at(offset)}: a name is a text`)
    const name = String(key.source ?? key.value)
    const items: readonly unknown[] = isSeq(value) ? value.items : [value]
    const texts = items.map((item) => textOf(item, name, at(offset)))
    fields.set(name, { texts, line: lines.linePos(offset).line })
  }
  return { path, fields }
}
