import { type Position, PositionError } from "@headwater/core"
import { formatStreamId, parseStreamId } from "./stream-id.ts"

/**
 * Writes a position as `<epoch>.<revision>`, as it stands in `since`, `at-least` and
 * `Headwater-Position`. Equal positions give equal texts.
 */
export function formatPosition({ epoch, revision }: Position): string {
  return formatStreamId({ epoch, revision })
}

/**
 * Reads `<epoch>.<revision>`. Revision 0 is "nothing known".
 *
 * @throws {PositionError} when the text is anything else, also when it is a stream id with a view.
 */
export function parsePosition(text: string): Position {
  const { epoch, revision, view } = parseStreamId(text)
  if (view) throw new PositionError(`${text} is a stream id; pass a position, <epoch>.<revision>`)
  return { epoch, revision }
}
