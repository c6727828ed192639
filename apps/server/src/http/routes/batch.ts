import { formatPosition, POSITION_HEADER, REVISION_HEADER } from "@headwater/protocol"
import type { Hono } from "hono"
import { invalid, RequestError } from "../../errors.ts"
import type { Hub } from "../../hub.ts"
import { readBatch } from "../batch-body.ts"
import { readBody } from "../body.ts"
import { checkContent } from "../content-type.ts"
import { grantedTopic, requireAnyWrite, requireRead, requireWrite } from "../granted.ts"
import { inSlices } from "../in-slices.ts"
import { jsonResponse } from "../json-response.ts"
import { readQuery } from "../query.ts"
import { checkWritable, writerOf, writeTo } from "../write.ts"
import { allow } from "./allow.ts"

/** `POST /v1/topics/{topic}/batch`: all changes in one commit, or none. */
export function batchRoutes(app: Hono, hub: Hub): void {
  const path = "/v1/topics/:topic/batch"
  app.post(path, async ({ req, env }) => {
    const granted = grantedTopic(hub, req.raw, req.param("topic"))
    const { topic, session } = granted
    readQuery(req.url, { ttl: "later" })
    requireAnyWrite(granted)
    checkWritable(topic)
    checkContent(req.raw.headers, "json")
    for (const name of ["if-match", "if-none-match"]) {
      if (req.header(name) === undefined) continue
      throw invalid(`put the conditions of a batch into its if, not into ${name}`)
    }
    const epoch = topic.position().epoch
    const { batchBytesMax, valueBytesMax } = hub.limits
    const body = await readBody(req.raw, batchBytesMax, hub, session)
    const reading = readBatch(body, topic.values, valueBytesMax)
    const request = await inSlices(topic.fanOut.turns, reading)
    for (const { op, key } of request.changes) {
      requireWrite(granted, key)
      // A delete tells whether the entry was there, by a revision that moves or does not.
      if (op === "delete") requireRead(granted, key)
    }
    for (const { key } of request.conditions) requireRead(granted, key)
    const outcome = await writeTo(writerOf(hub, granted, env), request)
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
