import {
  type Change,
  type Entry,
  type InvalidEntry,
  isLongerThan,
  isWellFormed,
  KEY_BYTES_MAX,
  KeyError,
} from "@headwater/core"
import type { EventMessage, NodeMessage } from "./messages.ts"

const utf8 = new TextEncoder()

/** The effect of a write on the keys of a directory. */
export type Effect =
  | { readonly type: "change"; readonly change: Change }
  | { readonly type: "invalid"; readonly entry: InvalidEntry }
  /** A key that could not be shown was deleted: its `InvalidEntry.id`. */
  | { readonly type: "gone"; readonly id: string }
  /** All that was in this directory is gone; `""` is all that there is. */
  | { readonly type: "clear"; readonly directory: string }
  | { readonly type: "none" }

/** Actions that leave a value, and those that leave none. */
const WRITES = new Set(["set", "create", "update", "compareAndSwap"])
const REMOVALS = new Set(["delete", "expire", "compareAndDelete"])

/**
 * The keys under one directory of etcd v2, as a topic names them: without it, as text.
 *
 * Keys of v2 are paths: etcd cleans them itself, and never shows those with a segment that begins
 * with an underscore.
 */
export class Directory {
  /**
   * As it stands in a URL: `/v2/keys/services/`. With a slash at its end, who may read
   * `/services/*` and no more is answered.
   */
  readonly path: string
  /** With a slash at both ends. */
  readonly #prefix: string

  /**
   * @param prefix with a slash at both ends; `/` is everything.
   * @throws {KeyError} the prefix is not whole Unicode.
   */
  constructor(prefix: string) {
    if (!isWellFormed(prefix)) {
      throw new KeyError("the prefix has half of a surrogate pair; pass well-formed Unicode")
    }
    this.#prefix = prefix
    const segments = prefix.split("/").filter((segment) => segment !== "")
    this.path = ["/v2/keys", ...segments.map(encodeURIComponent), ""].join("/")
  }

  /** Every file beneath a node, depth first, in the order in which they came. */
  *files(node: NodeMessage): Generator<Entry | InvalidEntry, void> {
    const waiting: NodeMessage[] = [node]
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (next.dir) waiting.push(...[...(next.nodes ?? [])].reverse())
      else yield this.#entryOf(next)
    }
  }

  /**
   * The effect of an event here. A directory that was made or given another time to live has none;
   * one that was put in a file's place takes the file away.
   *
   * @throws {RangeError} the action is not one of v2's.
   */
  read({ action, node, prevNode }: EventMessage): Effect {
    const isRemoval = REMOVALS.has(action)
    if (!isRemoval && !WRITES.has(action)) throw new RangeError(`etcd says "${action}"`)
    const path = node.key ?? "/"
    if (isRemoval && (node.dir || prevNode?.dir)) return this.#clear(path)
    if (!path.startsWith(this.#prefix)) return { type: "none" }
    const key = path.slice(this.#prefix.length)
    if (isRemoval) return removalOf(key)
    if (node.dir) {
      const wasFile = prevNode !== undefined && !prevNode.dir
      return wasFile ? removalOf(key) : { type: "none" }
    }
    const entry = this.#entryOf(node)
    if ("reason" in entry) return { type: "invalid", entry }
    return { type: "change", change: { op: "put", key, value: entry.value } }
  }

  // One above ours takes ours with it.
  #clear(path: string): Effect {
    const gone = path === "/" ? path : `${path}/`
    if (this.#prefix.startsWith(gone)) return { type: "clear", directory: "" }
    if (!path.startsWith(this.#prefix)) return { type: "none" }
    return { type: "clear", directory: path.slice(this.#prefix.length) }
  }

  #entryOf({ key = "", value = "", modifiedIndex = 0 }: NodeMessage): Entry | InvalidEntry {
    const own = key.slice(this.#prefix.length)
    if (own === "") return { key: "", reason: "empty after the prefix", id: own }
    if (isLongerThan(own, KEY_BYTES_MAX)) {
      const reason = `longer than ${KEY_BYTES_MAX} bytes`
      return { key: own.slice(0, SHOWN_CHARS), reason, id: own }
    }
    // A key with bytes that are no UTF-8 looks like this, and so may any number of them.
    if (own.includes("\ufffd")) {
      const reason = "not UTF-8, or has U+FFFD in it"
      return { key: own.slice(0, SHOWN_CHARS), reason, id: own }
    }
    return { key: own, value: utf8.encode(value), revision: modifiedIndex }
  }
}

const SHOWN_CHARS = 200

function removalOf(key: string): Effect {
  const isShown = key !== "" && !isLongerThan(key, KEY_BYTES_MAX)
  return isShown ? { type: "change", change: { op: "delete", key } } : { type: "gone", id: key }
}
