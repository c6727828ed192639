/** A part of a sequence, and whether it is the last. */
export interface Piece<T> {
  readonly items: readonly T[]
  readonly isLast: boolean
}

/**
 * Cuts a sequence into pieces of at most `countMax`, lazily: reads one piece ahead, to know which
 * is the last. Of nothing there is no piece.
 */
export function* piecesOf<T>(items: Iterator<T>, countMax: number): Generator<Piece<T>> {
  let piece = take(items, countMax)
  while (piece.length > 0) {
    const next = take(items, countMax)
    yield { items: piece, isLast: next.length === 0 }
    piece = next
  }
}

function take<T>(items: Iterator<T>, countMax: number): T[] {
  const taken: T[] = []
  while (taken.length < countMax) {
    const { value, done } = items.next()
    if (done) break
    taken.push(value)
  }
  return taken
}
