import {
  findNodeAtLocation,
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser"
import {
  array,
  check,
  type InferOutput,
  minLength,
  nonEmpty,
  optional,
  pipe,
  regex,
  safeParse,
  string,
  union,
} from "valibot"
import type { TopicGrants } from "./grant.ts"
import { admin, strict, topicGrants } from "./grant-schema.ts"

/** An identity of the token file. */
export interface FileIdentity {
  readonly name: string
  readonly topics: TopicGrants
  readonly admin: boolean
  /** In ms since 1970; `undefined` for never. */
  readonly expiresAt: number | undefined
}

/** A credential that is refused though it is otherwise good. */
export type Revocation =
  | { readonly name: string }
  | { readonly jti: string }
  /** `before`: RFC 3339; tokens that were issued before it. */
  | { readonly iss: string; readonly sub: string; readonly before?: string | undefined }

/** A token file, read and checked. */
export interface TokenTable {
  /** By the SHA-256 of a token, in lower-case hex. */
  readonly byDigest: ReadonlyMap<string, FileIdentity>
  readonly anonymous: TopicGrants | undefined
  readonly revoked: readonly Revocation[]
}

/** A token file that cannot be used. The message names the line and the field. */
export class TokenFileError extends Error {
  override readonly name = "TokenFileError"
}

const name = pipe(string("must be a string"), nonEmpty("must not be empty"))

const timestamp = pipe(
  string("must be a string"),
  check(isRfc3339, "must be an RFC 3339 time, such as 2027-01-31T12:00:00Z"),
)

const identity = strict({
  name,
  sha256: pipe(
    array(
      pipe(
        string("must be a string"),
        regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hex digits: see headwater token hash"),
      ),
      "must be a list of SHA-256 digests",
    ),
    minLength(1, "must name at least one digest"),
  ),
  topics: topicGrants,
  admin: optional(admin),
  expires: optional(timestamp),
})

const revocation = union(
  [
    strict({ name }),
    strict({ jti: name }),
    strict({ iss: name, sub: name, before: optional(timestamp) }),
  ],
  'must be { "name" }, { "jti" } or { "iss", "sub", "before"? }',
)

const tokenFile = strict({
  identities: array(identity, "must be a list of identities"),
  anonymous: optional(strict({ topics: topicGrants })),
  revoked: optional(array(revocation, "must be a list of revocations")),
})

/**
 * Reads the text of a token file.
 *
 * @throws {TokenFileError} it is not JSON, a field is unknown, missing, of the wrong type or given
 *   twice, or a name or digest is used twice. The message has the line, never a digest.
 */
export function parseTokenFile(text: string): TokenTable {
  const tree = parseStrict(text)
  const result = safeParse(tokenFile, getNodeValue(tree))
  if (!result.success) {
    const [issue] = result.issues
    const path = (issue.path ?? []).map(({ key }) => key as string | number)
    throw at(text, nearest(tree, path), `${fieldName(path)} ${issue.message}`)
  }
  return tableOf(result.output, (path, message) => at(text, nearest(tree, path), message))
}

function tableOf(
  file: InferOutput<typeof tokenFile>,
  failure: (path: readonly (string | number)[], message: string) => TokenFileError,
): TokenTable {
  const byDigest = new Map<string, FileIdentity>()
  const names = new Set<string>()
  for (const [index, { name, sha256, topics, admin, expires }] of file.identities.entries()) {
    if (names.has(name)) {
      throw failure(["identities", index, "name"], `the name "${name}" is used twice`)
    }
    names.add(name)
    const expiresAt = expires === undefined ? undefined : Date.parse(expires)
    const identity = { name, topics, admin: admin ?? false, expiresAt }
    for (const [at, digest] of sha256.entries()) {
      if (byDigest.has(digest)) {
        throw failure(["identities", index, "sha256", at], `a digest of "${name}" is used twice`)
      }
      byDigest.set(digest, identity)
    }
  }
  return { byDigest, anonymous: file.anonymous?.topics, revoked: file.revoked ?? [] }
}

function parseStrict(text: string): Node {
  const errors: ParseError[] = []
  const tree = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false })
  const [error] = errors
  if (error !== undefined || tree === undefined) {
    const what = error && text.trim() !== "" ? printParseErrorCode(error.error) : "it is empty"
    throw new TokenFileError(`line ${lineAt(text, error?.offset ?? 0)}: not JSON (${what})`)
  }
  refuseDuplicates(text, tree)
  return tree
}

function refuseDuplicates(text: string, node: Node): void {
  const seen = new Set<string>()
  for (const child of node.children ?? []) {
    if (child.type === "property") {
      const field = String(child.children?.[0]?.value)
      // Assigning it sets a prototype, so that no schema sees it.
      if (field === "__proto__") throw at(text, child, "__proto__ is not a known field")
      if (seen.has(field)) throw at(text, child, `the field "${field}" is given twice`)
      seen.add(field)
    }
    refuseDuplicates(text, child)
  }
}

// A missing field has no node of its own: the object that lacks it has.
function nearest(tree: Node, path: readonly (string | number)[]): Node {
  for (let length = path.length; length > 0; length--) {
    const node = findNodeAtLocation(tree, path.slice(0, length))
    if (node !== undefined) return node
  }
  return tree
}

function fieldName(path: readonly (string | number)[]): string {
  if (path.length === 0) return "the file"
  return path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`))
    .join("")
    .replace(/^\./, "")
}

function at(text: string, node: Node, message: string): TokenFileError {
  return new TokenFileError(`line ${lineAt(text, node.offset)}: ${message}`)
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length
}

function isRfc3339(text: string): boolean {
  return (
    /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(text) &&
    !Number.isNaN(Date.parse(text))
  )
}
