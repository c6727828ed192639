import { isNode, nodesOf, placeOf, type SourceFile, type SyntaxNode } from "./source-file.ts"
import { isTest } from "./units.ts"

/**
 * Promises that a linter with types does not see to be lost, in sources: a union that is tested
 * with `instanceof Promise` and then neither awaited, followed nor returned; and an arrow function
 * that is a call behind `void`, as in `() => void close()`.
 */
export function findLostPromises(file: SourceFile): string[] {
  if (!file.path.includes("/src/") || isTest(file.path)) return []
  const found: string[] = []
  for (const [node, parents] of nodesOf(file)) {
    const name = testedForPromise(node)
    const scope = parents.findLast(({ type }) => FUNCTIONS.has(type))
    if (name !== undefined && scope && !isHandled(scope, name, file)) {
      found.push(
        `${placeOf(file, node)}: ${name} may be a promise that is neither awaited nor caught`,
      )
    }
    if (isVoidOfCall(node) && parents.at(-1)?.type === "ArrowFunctionExpression") {
      found.push(`${placeOf(file, node)}: void hides whether a promise is lost; use a statement`)
    }
  }
  return found
}

const FUNCTIONS = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"])

function testedForPromise({ type, operator, left, right }: SyntaxNode): string | undefined {
  if (type !== "BinaryExpression" || operator !== "instanceof") return undefined
  return identifierOf(right) === "Promise" ? identifierOf(left) : undefined
}

function isVoidOfCall({ type, operator, argument }: SyntaxNode): boolean {
  return (
    type === "UnaryExpression" &&
    operator === "void" &&
    isNode(argument) &&
    /^(Call|Chain)Expression$/.test(argument.type)
  )
}

function isHandled(scope: SyntaxNode, name: string, file: SourceFile): boolean {
  const text = file.text.slice(scope.start, scope.end)
  return new RegExp(
    `\\b(await ${name}\\b|return ${name}\\b|yield\\* .*\\(${name}\\)|${name}\\.(then|catch)\\b)`,
  ).test(text)
}

function identifierOf(node: unknown): string | undefined {
  return isNode(node) && node.type === "Identifier" ? String(node.name) : undefined
}
