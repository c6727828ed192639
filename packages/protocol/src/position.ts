import { isRevision, type Position, PositionError } from "@headwater/core"

// A revision is written without leading zeros, so that equal positions are equal texts.
const POSITION = /^([A-Za-z0-9_-]{1,64})\.(0|[1-9][0-9]{0,15})$/

/**
 * Writes a position as `<epoch>.<revision>`, as it stands in `since`, `at-least` and
 * `Headwater-Position`. Equal positions give equal texts.
 */
export function formatPosition(position: Position): string {
  return `${position.epoch}.${position.revision}`
}

/**
 * Reads `<epoch>.<revision>`. Revision 0 is "nothing known".
 *
 * @throws {PositionError} when the text is anything else.
 */
export function parsePosition(text: string): Position {
  const match = POSITION.exec(text)
  const revision = Number(match?.[2])
  if (!match || !isRevision(revision)) {
    throw new PositionError(`not a position: ${JSON.stringify(text.slice(0, 200))}`)
  }
  return { epoch: match[1]!, revision }
}
