import { isRevision, type Position, PositionError } from "@headwater/core"
import { STREAM_ID_BYTES_MAX } from "./limits.ts"

// An epoch holds no dot, so a text can be read in one way only; no valid text is over 128 bytes. A
// revision is written without leading zeros, so that equal ids are equal texts.
const STREAM_ID = /^([\w-]{1,64})\.(0|[1-9]\d{0,15})(?:\.([0-9a-f]{8}))?$/

/**
 * The id in `id:` and `Last-Event-ID`: a position, and the view for which a hub issued it. For an
 * unfiltered stream with a full grant the view is absent, and the id is a plain position.
 */
export interface StreamId extends Position {
  /** 8 lower-case hex digits; see `viewOf`. Never `""`. */
  readonly view?: string
}

/** Writes `<epoch>.<revision>` or `<epoch>.<revision>.<view>`; a view of `""` is left out. */
export function formatStreamId(id: Position & { readonly view?: string | undefined }): string {
  const position = `${id.epoch}.${id.revision}`
  return id.view ? `${position}.${id.view}` : position
}

/**
 * Reads a stream id of either form.
 *
 * @throws {PositionError} when the text is neither form, or longer than 128 bytes.
 */
export function parseStreamId(text: string): StreamId {
  const id = readStreamId(text)
  if (id) return id
  throw new PositionError(
    `${JSON.stringify(text.slice(0, STREAM_ID_BYTES_MAX))} is not a position, <epoch>.<revision>`,
  )
}

/** Reads a stream id of either form; `undefined` for any other text. */
export function readStreamId(text: string): StreamId | undefined {
  const [, epoch, digits, view] = STREAM_ID.exec(text) ?? []
  const revision = Number(digits)
  if (epoch === undefined || !isRevision(revision)) return undefined
  return { epoch, revision, ...(view && { view }) }
}
