import { formatPosition, POSITION_HEADER, REVISION_HEADER } from "@headwater/protocol"
import type { Hono } from "hono"
import { invalid, RequestError } from "../../errors.ts"
import type { Hub } from "../../hub.ts"
import { readBatch } from "../batch-body.ts"
import { readBody } from "../body.ts"
import { checkContent } from "../content-type.ts"
import { inSlices } from "../in-slices.ts"
import { jsonResponse } from "../json-response.ts"
import { readQuery } from "../query.ts"
import { checkWritable, writeTo } from "../write.ts"
import { allow } from "./allow.ts"

/** `POST /v1/topics/{topic}/batch`: all changes in one commit, or none. */
export function batchRoutes(app: Hono, hub: Hub): void {
  const path = "/v1/topics/:topic/batch"
  app.post(path, async ({ req }) => {
    const topic = hub.topic(req.param("topic"))
    readQuery(req.url, { ttl: "later" })
    checkWritable(topic)
    checkContent(req.raw.headers, "json")
    for (const name of ["if-match", "if-none-match"]) {
      if (req.header(name) === undefined) continue
      throw invalid(`put the conditions of a batch into its if, not into ${name}`)
    }
    const epoch = topic.position().epoch
    const { batchBytesMax, valueBytesMax } = hub.limits
    const body = await readBody(req.raw, batchBytesMax, hub)
    const reading = readBatch(body, topic.values, valueBytesMax)
    const outcome = await writeTo(hub, topic, await inSlices(topic.fanOut.turns, reading))
    if (!outcome.written) {
      throw new RequestError(
        "ERR_CONFLICT",
        "a condition failed, see failed; nothing was written",
        {
          facts: { failed: outcome.failed },
        },
      )
    }
    const { revision } = outcome
    const position = formatPosition({ epoch, revision })
    return jsonResponse(
      { revision, position },
      { headers: { [REVISION_HEADER]: String(revision), [POSITION_HEADER]: position } },
    )
  })
  app.all(path, allow("POST"))
}
