import { type Node, visit } from "jsonc-parser"

/**
 * Where the parts of a JSON text are, as `parseTree` of jsonc-parser tells it, down to a depth: an
 * object or array that stands so many others deep is one node, without children. Nodes have no
 * parents.
 *
 * Nodes of what is inside of values would be nearly all of them, and garbage at once.
 *
 * @param text is JSON.
 */
export function parseOutline(text: string, depthMax: number): Node | undefined {
  const root: Part = { type: "array", offset: 0, length: 0, children: [] }
  const open = [root]
  let depth = 0

  const add = (node: Part) => {
    const parent = open.at(-1)!
    parent.children!.push(node)
    if (parent.type === "property") open.pop()
    return node
  }
  const begin = (type: "object" | "array") => (offset: number) => {
    open.push(add({ type, offset, length: 0, children: [] }))
    return depth++ < depthMax
  }
  const end = (offset: number, length: number) => {
    depth--
    const node = open.pop()!
    node.length = offset + length - node.offset
  }

  visit(text, {
    onObjectBegin: begin("object"),
    onArrayBegin: begin("array"),
    onObjectEnd: end,
    onArrayEnd: end,
    onObjectProperty(name, offset, length) {
      const children: Part[] = [{ type: "string", value: name, offset, length }]
      open.push(add({ type: "property", offset, length: 0, children }))
    },
    onLiteralValue(value: unknown, offset, length) {
      add({ type: typeOf(value), offset, length, value })
    },
  })
  return root.children![0]
}

/** A node that is being made. */
interface Part extends Omit<Node, "length" | "children"> {
  length: number
  readonly children?: Part[]
}

function typeOf(value: unknown): Node["type"] {
  if (value === null) return "null"
  return typeof value as "boolean" | "number" | "string"
}
