import { type Position, PositionError } from "@headwater/core"
import { STREAM_ID_BYTES_MAX } from "./limits.ts"
import { formatPosition, parsePosition } from "./position.ts"

const VIEW = /^(.*)\.([0-9a-f]{8})$/

/**
 * What stands in `id:` and comes back as `Last-Event-ID`: a position, and the view for which it was
 * issued. Absent for an unfiltered stream with a full grant, as the id then is a plain position.
 */
export interface StreamId extends Position {
  /** 8 lower-case hex digits; see `viewOf`. Never `""`. */
  readonly view?: string
}

/** Writes `<epoch>.<revision>` or `<epoch>.<revision>.<view>`; a view of `""` is left out. */
export function formatStreamId(id: Position & { readonly view?: string | undefined }): string {
  const position = formatPosition(id)
  return id.view ? `${position}.${id.view}` : position
}

/**
 * Reads a stream id of either form.
 *
 * An epoch holds no dot, and an id has at most three parts, so the forms cannot be confused.
 *
 * @throws {PositionError} when the text is neither form, or longer than 128 bytes.
 */
export function parseStreamId(text: string): StreamId {
  // An id is ASCII where it is valid at all, so its length in code units is that in bytes.
  if (text.length > STREAM_ID_BYTES_MAX) {
    throw new PositionError(`a stream id has at most ${STREAM_ID_BYTES_MAX} bytes`)
  }
  const match = VIEW.exec(text)
  // `e.12345678` is a position whose revision happens to have eight digits.
  if (!match?.[1]?.includes(".")) return parsePosition(text)
  return { ...parsePosition(match[1]), view: match[2]! }
}
