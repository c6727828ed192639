import { FrameError } from "@headwater/core"

/**
 * Takes one event that has data. `event` and `id` are `""` if this event has none: unlike an
 * `EventSource`, the parser does not keep an id for later events.
 */
export type EventHandler = (event: string, data: string, id: string) => void

/**
 * Makes the parser of an event stream: a function that takes text, in pieces of any size.
 *
 * The text is what a `TextDecoder` made, which has taken the byte order mark away. An event ends
 * at its empty line, also where that is a CR whose LF may yet come. An error of a handler passes
 * through, and ends the use of the parser; so does a `FrameError` for an event that is too long.
 *
 * Cost: O(characters), also for a line in a thousand pieces, as nothing looks into a line before it
 * is whole. Source: WHATWG HTML, 9.2.6 "Interpreting an event stream".
 *
 * Decision: docs/decisions/client.md, “The client has its own parser of event streams”.
 *
 * @param onRetry takes a `retry:`, in milliseconds.
 * @param charactersMax of one event, so that no hub fills a reader's memory with one.
 */
export function eventParser(
  onEvent: EventHandler,
  onRetry: (retryMs: number) => void,
  charactersMax: number,
): (piece: string) => void {
  let pending = ""
  let endsInReturn = false
  let event = ""
  let data = ""
  let id = ""

  const takeLine = (line: string) => {
    if (!line) {
      if (data) onEvent(event, data.slice(0, -1), id)
      event = data = id = ""
      return
    }
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line)!
    if (field === "data") data += `${value}\n`
    if (field === "event") event = value
    if (field === "id" && !value.includes("\0")) id = value
    if (field === "retry" && /^\d+$/.test(value)) onRetry(+value)
  }

  return (piece) => {
    if (!piece) return
    // The LF of a CR that ended the piece before begins no line.
    const text = endsInReturn ? piece.replace(/^\n/, "") : piece
    const [first, ...lines] = text.split(/\r\n?|\n/)
    endsInReturn = piece.endsWith("\r")
    pending += first
    for (const line of lines) {
      takeLine(pending)
      pending = line
    }
    if ((data + pending).length > charactersMax) {
      throw new FrameError(`an event is longer than ${charactersMax} characters`, pending)
    }
  }
}
