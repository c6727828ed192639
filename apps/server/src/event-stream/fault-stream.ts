import type { SyncError } from "@headwater/core"
import { encodeFrame } from "@headwater/protocol"
import { eventStream } from "./event-stream.ts"
import { retryDelayMs } from "./retry-delay.ts"

/** Answers with a stream that ends by one `fault`, for a reader that may come back. */
export function faultStream({ code, recovery }: SyncError, random: () => number): Response {
  const retryMs = retryDelayMs(0, random())
  const source = {
    async *frames() {
      yield encodeFrame({ type: "fault", code, retry: recovery, retryMs })
    },
    attach: () => {},
    leave: () => {},
    onCut: () => {},
  }
  return eventStream(source, random)
}
