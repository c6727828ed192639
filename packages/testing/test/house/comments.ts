import type { SourceFile } from "./source-file.ts"

/** A comment of a source file: its words, and the line on which it begins. */
export interface Comment {
  readonly line: number
  readonly text: string
  readonly isDoc: boolean
}

/** The comments of a file. Lines of `//` that follow each other are one comment. */
export function commentsOf({ text }: SourceFile): readonly Comment[] {
  const comments: Comment[] = []
  const lines = text.split("\n")
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!.trim()
    if (line.startsWith("/**") || line.startsWith("/*")) {
      const start = index
      while (index < lines.length - 1 && !lines[index]!.includes("*/")) index++
      const words = lines.slice(start, index + 1).map((part) => part.replace(/\/?\*+\/?/g, " "))
      comments.push({ line: start + 1, text: plain(words), isDoc: line.startsWith("/**") })
    } else if (line.startsWith("//")) {
      const start = index
      while (lines[index + 1]?.trim().startsWith("//")) index++
      const words = lines.slice(start, index + 1).map((part) => part.trim().slice(2))
      comments.push({ line: start + 1, text: plain(words), isDoc: false })
    }
  }
  return comments
}

/** Doc comments that open with a question word or a verb of speech, and not with their thing. */
export function findBadOpenings(file: SourceFile): string[] {
  return commentsOf(file).flatMap(({ line, text, isDoc }) => {
    const word = isDoc ? OPENING.exec(text)?.[0] : undefined
    return word ? [`${file.path}:${line}: opens with ${word}; open with the thing or its verb`] : []
  })
}

const OPENING = /^(What|Who|Whoever|How|Whether|Where|Says|Tells)\b/

function plain(lines: readonly string[]): string {
  return lines
    .map((line) => line.trim())
    .join(" ")
    .trim()
}
