/** A node of the tree of prefixes: what its path spells is a prefix, or where two of them part. */
interface PrefixNode<T> {
  /** The text between the parent and this node; empty for the root alone. */
  label: string
  readonly owners: Set<T>
  /** By the first code unit of their labels. */
  readonly children: Map<number, PrefixNode<T>>
}

/**
 * Finds the owners of prefixes and keys that match a key, at a cost that depends on the length of
 * the key and on how many match, and not on how many owners there are.
 *
 * Prefixes stand in a radix tree, so memory depends on their number and not on their lengths. They
 * are compared by UTF-16 code units, which for well-formed text is the same as by UTF-8 bytes.
 */
export class TermIndex<T> {
  readonly #root: PrefixNode<T> = nodeOf("")
  readonly #keys = new Map<string, Set<T>>()
  #terms = 0

  /** Terms in the index; one that two owners share counts twice. */
  get size(): number {
    return this.#terms
  }

  /** Adds the terms of an owner, each at most once. */
  add(owner: T, terms: { readonly prefixes: Iterable<string>; readonly keys: Iterable<string> }) {
    for (const prefix of new Set(terms.prefixes)) {
      this.#nodeAt(prefix).owners.add(owner)
      this.#terms++
    }
    for (const key of new Set(terms.keys)) {
      const owners = this.#keys.get(key) ?? new Set()
      this.#keys.set(key, owners.add(owner))
      this.#terms++
    }
  }

  /** Takes the terms out that `add` was given for this owner. */
  remove(
    owner: T,
    terms: { readonly prefixes: Iterable<string>; readonly keys: Iterable<string> },
  ) {
    for (const prefix of new Set(terms.prefixes)) this.#removePrefix(owner, prefix)
    for (const key of new Set(terms.keys)) {
      const owners = this.#keys.get(key)
      if (!owners?.delete(owner)) continue
      if (owners.size === 0) this.#keys.delete(key)
      this.#terms--
    }
  }

  /** Adds every owner with a term that matches the key to `found`. */
  findInto(key: string, found: Set<T>): void {
    const named = this.#keys.get(key)
    if (named !== undefined) for (const owner of named) found.add(owner)
    let node: PrefixNode<T> | undefined = this.#root
    for (let at = 0; ; ) {
      for (const owner of node.owners) found.add(owner)
      node = at < key.length ? node.children.get(key.charCodeAt(at)) : undefined
      if (node === undefined || !key.startsWith(node.label, at)) return
      at += node.label.length
    }
  }

  /** The node of a prefix, made if there is none. */
  #nodeAt(prefix: string): PrefixNode<T> {
    let node = this.#root
    for (let at = 0; at < prefix.length; ) {
      const first = prefix.charCodeAt(at)
      let child = node.children.get(first)
      if (child === undefined) {
        child = nodeOf(prefix.slice(at))
        node.children.set(first, child)
      } else {
        const shared = sharedLength(child.label, prefix, at)
        if (shared < child.label.length) child = split(node, child, shared)
      }
      at += child.label.length
      node = child
    }
    return node
  }

  #removePrefix(owner: T, prefix: string): void {
    const path: PrefixNode<T>[] = [this.#root]
    for (let at = 0; at < prefix.length; ) {
      const child = path.at(-1)!.children.get(prefix.charCodeAt(at))
      if (child === undefined || !prefix.startsWith(child.label, at)) return
      path.push(child)
      at += child.label.length
    }
    if (!path.at(-1)!.owners.delete(owner)) return
    this.#terms--
    // What has neither owners nor branches goes; what has one branch is joined with it.
    for (let node = path.pop()!; path.length > 0; node = path.pop()!) {
      if (node.owners.size > 0 || node.children.size > 1) return
      const parent = path.at(-1)!
      const first = node.label.charCodeAt(0)
      const [only] = node.children.values()
      if (only === undefined) parent.children.delete(first)
      else {
        only.label = node.label + only.label
        parent.children.set(first, only)
      }
    }
  }
}

function nodeOf<T>(label: string): PrefixNode<T> {
  return { label, owners: new Set(), children: new Map() }
}

/** Puts a node between a parent and its child, where the child's label is cut. */
function split<T>(parent: PrefixNode<T>, child: PrefixNode<T>, length: number): PrefixNode<T> {
  const between: PrefixNode<T> = nodeOf(child.label.slice(0, length))
  child.label = child.label.slice(length)
  between.children.set(child.label.charCodeAt(0), child)
  parent.children.set(between.label.charCodeAt(0), between)
  return between
}

function sharedLength(label: string, text: string, at: number): number {
  const most = Math.min(label.length, text.length - at)
  let length = 0
  while (length < most && label.charCodeAt(length) === text.charCodeAt(at + length)) length++
  return length
}
