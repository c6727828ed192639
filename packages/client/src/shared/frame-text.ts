import { encodeBase64 } from "@headwater/core"
import { FRAME_BYTES_MAX, type Frame, type ValueKind, wireStatus } from "@headwater/protocol"
import type { ReplicaEntry } from "../snapshot.ts"

/** Writes a frame as the text of one event, as a hub would. */
export function frameText(frame: Frame): string {
  if (frame.type === "status") return eventText("status", wireStatus(frame.report))
  const { type, id, ...data } = frame as Frame & { readonly id?: string | undefined }
  return eventText(type, data, id)
}

/** Writes the entries of a state as the `snapshot` events of a stream. */
export function* snapshotTexts(
  entries: Iterable<ReplicaEntry>,
  values: ValueKind,
): Generator<string, void> {
  let body = ""
  for (const { key, value, revision } of entries) {
    const wire = values === "binary" ? encodeBase64(value as Uint8Array) : value
    body += `${body && ","}${JSON.stringify({ key, value: wire, revision })}`
    if (body.length < FRAME_BYTES_MAX) continue
    yield snapshotText(body)
    body = ""
  }
  if (body) yield snapshotText(body)
}

function snapshotText(body: string): string {
  return `event: snapshot\ndata: {"entries":[${body}]}\n\n`
}

function eventText(type: string, data: unknown, id?: string): string {
  return `event: ${type}\n${id ? `id: ${id}\n` : ""}data: ${JSON.stringify(data)}\n\n`
}
