/** A line of a difference: on both sides, or on the old or the new one alone. */
export interface DiffLine {
  readonly side: "both" | "old" | "new"
  readonly text: string
}

/** Lines of one side, apart from what both sides begin and end with, that are compared by pairs. */
const LINES_MAX = 1_500

/**
 * Compares two texts line by line: the longest common subsequence, after the lines that both begin
 * and end with. Where more than `LINES_MAX` lines differ, one block is replaced by the other.
 */
export function diffLines(before: string, after: string): DiffLine[] {
  const a = before === "" ? [] : before.split("\n")
  const b = after === "" ? [] : after.split("\n")
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1
  let end = 0
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) {
    end += 1
  }
  const both = (text: string): DiffLine => ({ side: "both", text })
  return [
    ...a.slice(0, start).map(both),
    ...compare(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...a.slice(a.length - end).map(both),
  ]
}

/** Drops the unchanged lines that are farther than `context` lines from a change. */
export function nearChanges(lines: readonly DiffLine[], context: number): (DiffLine | undefined)[] {
  const isNear = new Array<boolean>(lines.length).fill(false)
  lines.forEach(({ side }, at) => {
    if (side !== "both") isNear.fill(true, Math.max(0, at - context), at + context + 1)
  })
  return lines.flatMap((line, at) => {
    if (isNear[at]) return [line]
    return at === 0 || isNear[at - 1] ? [undefined] : []
  })
}

function compare(a: readonly string[], b: readonly string[]): DiffLine[] {
  const old = (text: string): DiffLine => ({ side: "old", text })
  const fresh = (text: string): DiffLine => ({ side: "new", text })
  if (a.length > LINES_MAX || b.length > LINES_MAX) return [...a.map(old), ...b.map(fresh)]
  const width = b.length + 1
  const lengths = new Uint16Array((a.length + 1) * width)
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i * width + j] =
        a[i] === b[j]
          ? lengths[(i + 1) * width + j + 1]! + 1
          : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!)
    }
  }
  const lines: DiffLine[] = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ side: "both", text: a[i]! })
      i += 1
      j += 1
    } else if (
      j === b.length ||
      (i < a.length && lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!)
    ) {
      lines.push(old(a[i]!))
      i += 1
    } else {
      lines.push(fresh(b[j]!))
      j += 1
    }
  }
  return lines
}
