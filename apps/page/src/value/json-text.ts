/** The kinds of tokens of JSON; a `key` is a string before a colon. */
export type JsonKind = "key" | "string" | "number" | "word" | "mark"

/** A token of JSON, spelled as in the text. */
export interface JsonToken {
  readonly kind: JsonKind
  readonly text: string
}

/** A line of formatted JSON. */
export interface JsonLine {
  /** Steps of two spaces. */
  readonly indent: number
  readonly tokens: readonly JsonToken[]
}

/**
 * Formats valid JSON, a member a line, without parsing it: numbers above 2⁵³, duplicate members and
 * escapes stay as the hub has them.
 */
export function jsonLines(text: string): JsonLine[] {
  const tokens = tokensOf(text)
  const lines: JsonLine[] = []
  let line: JsonToken[] = []
  let indent = 0
  const endLine = () => {
    if (line.length > 0) lines.push({ indent, tokens: line })
    line = []
  }
  tokens.forEach((token, at) => {
    const next = tokens[at + 1]?.text
    if (isMark(token, "}]") && !isMark(tokens[at - 1], "{[")) {
      endLine()
      indent -= 1
    }
    line.push(isMark(token, ":") ? { ...token, text: ": " } : token)
    if (isMark(token, "{[") && next !== "}" && next !== "]") {
      endLine()
      indent += 1
    } else if (isMark(token, ",")) endLine()
  })
  endLine()
  return lines
}

/** Formats valid JSON as text, two spaces a step. */
export function prettyJson(text: string): string {
  return jsonLines(text)
    .map(({ indent, tokens }) => "  ".repeat(indent) + tokens.map((token) => token.text).join(""))
    .join("\n")
}

/** Returns valid JSON without white space between its tokens. */
export function compactJson(text: string): string {
  return tokensOf(text)
    .map((token) => token.text)
    .join("")
}

function isMark(token: JsonToken | undefined, marks: string): boolean {
  return token?.kind === "mark" && marks.includes(token.text)
}

function tokensOf(text: string): JsonToken[] {
  const tokens: JsonToken[] = []
  let at = 0
  while (at < text.length) {
    const first = text[at]!
    const end = endOfToken(text, at, first)
    if (!/\s/.test(first)) tokens.push({ kind: kindOf(first), text: text.slice(at, end) })
    at = end
  }
  return tokens.map((token, at) => {
    const isKey = token.kind === "string" && tokens[at + 1]?.text === ":"
    return isKey ? { ...token, kind: "key" } : token
  })
}

function endOfToken(text: string, start: number, first: string): number {
  let at = start + 1
  if (first === '"') {
    while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1
    return at + 1
  }
  if ("{}[],:".includes(first) || /\s/.test(first)) return at
  while (at < text.length && !/[\s{}[\],:"]/.test(text[at]!)) at += 1
  return at
}

function kindOf(first: string): JsonKind {
  if (first === '"') return "string"
  if ("{}[],:".includes(first)) return "mark"
  return /[-0-9]/.test(first) ? "number" : "word"
}
