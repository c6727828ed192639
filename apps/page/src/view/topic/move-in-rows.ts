import type { TreeRow } from "../../topic/key-tree.ts"

/** The effect of a key of the keyboard on a tree or a list. */
export type RowMove =
  | { readonly type: "go"; readonly index: number }
  | { readonly type: "choose" | "open" | "close"; readonly row: TreeRow }

/** Rows that PageUp and PageDown pass. */
const PAGE_ROWS = 15

/**
 * Returns the effect of a key as ARIA's tree and listbox have it; undefined where the key has none.
 *
 * @param active the present row; -1 for none.
 */
export function moveInRows(
  key: string,
  active: number,
  total: number,
  rowAt: (index: number) => TreeRow | undefined,
): RowMove | undefined {
  if (total === 0) return undefined
  const go = (index: number): RowMove => ({
    type: "go",
    index: Math.max(0, Math.min(total - 1, index)),
  })
  const row = rowAt(active)
  switch (key) {
    case "ArrowDown":
      return go(active + 1)
    case "ArrowUp":
      return go(active < 0 ? total - 1 : active - 1)
    case "PageDown":
      return go(active + PAGE_ROWS)
    case "PageUp":
      return go(active - PAGE_ROWS)
    case "Home":
      return go(0)
    case "End":
      return go(total - 1)
    case "Enter":
    case " ":
      return row && { type: "choose", row }
    case "ArrowRight":
      if (row?.count === undefined) return undefined
      return row.isOpen ? go(active + 1) : { type: "open", row }
    case "ArrowLeft":
      if (row === undefined) return undefined
      return row.isOpen ? { type: "close", row } : toParent(row, active, rowAt)
    default:
      return undefined
  }
}

function toParent(
  row: TreeRow,
  active: number,
  rowAt: (index: number) => TreeRow | undefined,
): RowMove | undefined {
  for (let index = active - 1; index >= 0; index--) {
    if ((rowAt(index)?.depth ?? 0) < row.depth) return { type: "go", index }
  }
  return undefined
}
