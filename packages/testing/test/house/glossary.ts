import { commentsOf } from "./comments.ts"
import { nameOf, nodesOf, placeOf, type SourceFile, type SyntaxNode } from "./source-file.ts"

/** The words that the glossary rules out, each with the word to use instead. */
export interface Glossary {
  /** Parts of declared names, in lower case. */
  readonly names: ReadonlyMap<string, string>
  /** Words of comments and documents. */
  readonly text: ReadonlyMap<string, string>
}

/** Reads the second table of `docs/GLOSSARY.md`. */
export function readGlossary(page: string): Glossary {
  const names = new Map<string, string>()
  const text = new Map<string, string>()
  for (const [, word, use, where] of page.matchAll(/^\| `(.+?)` \| (.+?) \| (names|text) \|$/gm)) {
    if (where === "names") names.set(word!, use!)
    else text.set(word!, use!)
  }
  return { names, text }
}

/** Declared names that use a word of another system, or one that the glossary rules out. */
export function findForeignWords(file: SourceFile, { names }: Glossary): string[] {
  const found: string[] = []
  for (const [node] of nodesOf(file)) {
    if (!DECLARING.has(node.type)) continue
    for (const name of namesOf(node)) {
      const word = foreignWordOf(name, names)
      if (word) found.push(`${placeOf(file, node)}: ${name}; here it is ${names.get(word)}`)
    }
  }
  return found
}

/** Comments with a word that the glossary rules out. */
export function findBannedComments(file: SourceFile, { text }: Glossary): string[] {
  return commentsOf(file).flatMap((comment) =>
    bannedIn(comment.text, text).map((word) => `${file.path}:${comment.line}: ${word}`),
  )
}

/** Lines of a document with a word that the glossary rules out. What is quoted as code may stay. */
export function findBannedText(path: string, page: string, { text }: Glossary): string[] {
  return page
    .split("\n")
    .flatMap((line, index) =>
      bannedIn(line.replace(/`[^`]*`/g, ""), text).map((word) => `${path}:${index + 1}: ${word}`),
    )
}

function bannedIn(line: string, words: ReadonlyMap<string, string>): string[] {
  const found = line.toLowerCase().match(/[a-z]+/g) ?? []
  return [...new Set(found)].flatMap((word) =>
    words.has(word) ? [`${word}; use ${words.get(word)}`] : [],
  )
}

const DECLARING = new Set([
  "VariableDeclarator",
  "FunctionDeclaration",
  "ClassDeclaration",
  "TSInterfaceDeclaration",
  "TSTypeAliasDeclaration",
  "TSPropertySignature",
  "TSMethodSignature",
  "PropertyDefinition",
  "MethodDefinition",
])

function namesOf(node: SyntaxNode): readonly string[] {
  const name = nameOf(node.id) ?? nameOf(node.key)
  return name === undefined ? [] : [name]
}

function foreignWordOf(name: string, banned: Glossary["names"]): string | undefined {
  const words = name.split(/(?<=[a-z0-9])(?=[A-Z])|[_-]/).map((word) => word.toLowerCase())
  const pairs = words.map((word, index) => word + (words[index + 1] ?? ""))
  return [...words, ...pairs]
    .flatMap((word) => [word, word.replace(/s$/, "")])
    .find((word) => banned.has(word))
}
