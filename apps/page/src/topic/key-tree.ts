/** A row of the tree: a folder, which is a prefix that ends with a slash, or an entry. */
export interface TreeRow {
  /** The prefix of a folder, or the key of an entry. */
  readonly path: string
  /** The part of the path that its parents do not show. */
  readonly label: string
  readonly depth: number
  /** The number of entries in a folder; undefined for an entry. */
  readonly count: number | undefined
  readonly isOpen: boolean
}

/** The name of a row that no other row has: a key may read as a folder does. */
export function rowId({ path, count }: Pick<TreeRow, "path" | "count">): string {
  return `${count === undefined ? "key" : "folder"} ${path}`
}

/** The part of the sorted keys that lies in a folder. */
interface Range {
  readonly from: number
  readonly to: number
  readonly prefix: string
  readonly depth: number
}

/**
 * Lists the rows of the tree that sorted keys make by their slashes, open folders with their
 * content.
 *
 * A closed folder is stepped over by a binary search, so the cost goes with the rows and not with
 * the keys. Folders that hold one folder alone stand in one row with it.
 */
export function treeRows(keys: readonly string[], isOpen: (prefix: string) => boolean): TreeRow[] {
  const rows: TreeRow[] = []
  addRows({ from: 0, to: keys.length, prefix: "", depth: 0 })
  return rows

  function addRows(range: Range): void {
    let at = range.from
    while (at < range.to) {
      const key = keys[at]!
      const slash = key.indexOf("/", range.prefix.length)
      if (slash < 0 || slash === key.length - 1) {
        rows.push({
          path: key,
          label: key.slice(range.prefix.length),
          depth: range.depth,
          count: undefined,
          isOpen: false,
        })
        at += 1
      } else at = addFolder(at, range, key.slice(0, slash + 1))
    }
  }

  // Returns the index after the folder.
  function addFolder(from: number, { to, prefix: parent, depth }: Range, first: string): number {
    const end = endOfPrefix(keys, first, from, to)
    const prefix = onlyFolderIn(keys, first, from, end)
    const open = isOpen(prefix)
    const label = prefix.slice(parent.length)
    rows.push({ path: prefix, label, depth, count: end - from, isOpen: open })
    if (open) addRows({ from, to: end, prefix, depth: depth + 1 })
    return end
  }
}

/** The prefixes of all folders that a key is in, the outermost first. */
export function foldersOf(key: string): string[] {
  const folders: string[] = []
  for (let at = key.indexOf("/"); at >= 0; at = key.indexOf("/", at + 1)) {
    if (at < key.length - 1) folders.push(key.slice(0, at + 1))
  }
  return folders
}

// Goes down while everything is in one folder: its first and last keys share more than the prefix.
function onlyFolderIn(keys: readonly string[], first: string, from: number, to: number): string {
  let prefix = first
  for (;;) {
    const key = keys[from]!
    const slash = key.indexOf("/", prefix.length)
    if (slash < 0 || slash === key.length - 1) return prefix
    const deeper = key.slice(0, slash + 1)
    if (!keys[to - 1]!.startsWith(deeper)) return prefix
    prefix = deeper
  }
}

function endOfPrefix(keys: readonly string[], prefix: string, from: number, to: number): number {
  let [low, high] = [from, to]
  while (low < high) {
    const middle = (low + high) >> 1
    if (keys[middle]!.startsWith(prefix)) low = middle + 1
    else high = middle
  }
  return low
}
