import { nameOf, nodesOf, placeOf, type SourceFile, type SyntaxNode } from "./source-file.ts"

/**
 * Words of other systems for things that have a name here, and that name.
 *
 * Only words that mean nothing else in our code; the rest of the glossary is for reviews.
 */
const OTHER_WORDS: Readonly<Record<string, string>> = {
  bookmark: "position",
  datastore: "source",
  backend: "source",
  consumer: "follower or reader",
  packet: "frame",
  generation: "epoch or version",
  transaction: "batch or commit",
  refcount: "holders",
  addref: "retain",
  resourceversion: "revision",
  watermark: "horizon",
}

/** Declared names that use another system's word. */
export function findForeignWords(file: SourceFile): string[] {
  const found: string[] = []
  for (const [node] of nodesOf(file)) {
    if (!DECLARING.has(node.type)) continue
    for (const name of namesOf(node)) {
      const word = foreignWordOf(name)
      if (word) found.push(`${placeOf(file, node)}: ${name}; here it is ${OTHER_WORDS[word]}`)
    }
  }
  return found
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

function foreignWordOf(name: string): string | undefined {
  const words = name.split(/(?<=[a-z0-9])(?=[A-Z])|[_-]/).map((word) => word.toLowerCase())
  const pairs = words.map((word, index) => word + (words[index + 1] ?? ""))
  return [...words, ...pairs]
    .map((word) => word.replace(/s$/, ""))
    .find((word) => Object.hasOwn(OTHER_WORDS, word))
}
