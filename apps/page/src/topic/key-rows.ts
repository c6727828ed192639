import { indexOfKey, type KeyIndex } from "./key-index.ts"
import { foldersOf, rowId, type TreeRow, treeRows } from "./key-tree.ts"

/** Keys of a search below which its tree is shown open. */
const OPENED_MAX = 500

/** The arrangement of the keys that a list shows. */
export interface Arrangement {
  readonly layout: "tree" | "list"
  readonly find: string
  /** Grows when a folder is opened or closed. */
  readonly foldersVersion: number
}

/**
 * The rows of a list of keys, made anew only when the keys or the arrangement changed, and then at
 * most every so often: the more rows there are, the longer they took.
 */
export class KeyRows {
  readonly #index: KeyIndex
  readonly #isOpen: (prefix: string) => boolean
  #rows: readonly TreeRow[] = []
  #made = ""
  #madeAt = 0
  #tookMs = 0
  #lastIndex = -1
  #lastMiss = ""
  #lastRows: readonly TreeRow[] = []

  constructor(index: KeyIndex, isOpen: (prefix: string) => boolean) {
    this.#index = index
    this.#isOpen = isOpen
  }

  /** The number of rows. */
  count(arrangement: Arrangement, now: number): number {
    if (arrangement.layout === "list") {
      this.#index.search(arrangement.find)
      return this.#index.found.length
    }
    return this.#tree(arrangement, now).length
  }

  /** The row at an index, of the arrangement of the last `count`. */
  at(index: number, layout: Arrangement["layout"]): TreeRow | undefined {
    if (layout === "tree") return this.#rows[index]
    const key = this.#index.found[index]
    if (key === undefined) return undefined
    return { path: key, label: key, depth: 0, count: undefined, isOpen: false }
  }

  /** The index of the row with an id of `rowId`; -1 where none has it. */
  indexOf(id: string, layout: Arrangement["layout"]): number {
    if (layout === "tree") return this.#indexInTree(id)
    const { found } = this.#index
    const key = id.slice("key ".length)
    const at = indexOfKey(found, key)
    return found[at] === key ? at : -1
  }

  // The index of the last call is mostly still the row's.
  #indexInTree(id: string): number {
    const last = this.#rows[this.#lastIndex]
    if (last !== undefined && rowId(last) === id) return this.#lastIndex
    const isFolder = id.startsWith("folder ")
    const path = id.slice(id.indexOf(" ") + 1)
    if (this.#lastMiss === id && this.#lastRows === this.#rows) return -1
    this.#lastIndex = this.#rows.findIndex(
      (row) => row.path === path && (row.count !== undefined) === isFolder,
    )
    this.#lastRows = this.#rows
    this.#lastMiss = this.#lastIndex < 0 ? id : ""
    return this.#lastIndex
  }

  #tree(arrangement: Arrangement, now: number): readonly TreeRow[] {
    this.#index.search(arrangement.find)
    const { found, version } = this.#index
    const own = `${arrangement.foldersVersion} ${arrangement.find}`
    const wanted = `${own} ${version}`
    if (wanted === this.#made) return this.#rows
    const isOwn = !this.#made.startsWith(`${own} `)
    // Rows that took 5 ms are made 4 times a second at most, so that changes leave time for frames.
    if (!isOwn && now - this.#madeAt < this.#tookMs * 50) return this.#rows
    const started = performance.now()
    const opensAll = arrangement.find !== "" && found.length <= OPENED_MAX
    this.#rows = treeRows(found, opensAll ? () => true : this.#isOpen)
    this.#tookMs = performance.now() - started
    this.#made = wanted
    this.#madeAt = now
    return this.#rows
  }
}

/** The folders that are open in the tree of a topic. */
export class OpenFolders {
  readonly #open = new Set<string>()
  #version = 0

  /** Grows with each change. */
  get version(): number {
    return this.#version
  }

  /** True for an open folder. */
  has(prefix: string): boolean {
    return this.#open.has(prefix)
  }

  /** Opens or closes a folder. */
  set(prefix: string, isOpen: boolean): void {
    if (this.#open.has(prefix) === isOpen) return
    if (isOpen) this.#open.add(prefix)
    else this.#open.delete(prefix)
    this.#version += 1
  }

  /** Opens all folders that a key is in. */
  reveal(key: string): void {
    for (const prefix of foldersOf(key)) this.set(prefix, true)
  }
}
