import type { Place } from "@headwater/core/engine"
import { formatPosition } from "@headwater/protocol"
import type { Topic } from "./topic.ts"
import type { View } from "./view.ts"

const utf8 = new TextEncoder()

/**
 * The body of a list: one JSON object, made slice by slice as it is read, from one root, so that it
 * is consistent however long it takes.
 *
 * A client that stops reading for `listLeaseMs` lets go of the root, and its body breaks off. There
 * must be a moment.
 */
export function listBody(topic: Topic, prefix: string): ReadableStream<Uint8Array> {
  const { fanOut, values, name } = topic
  const { leases, turns, limits, views } = fanOut
  const { root, position } = fanOut.moment!
  const view = views!.retain({ prefixes: [prefix], keys: [], values })
  const lease = leases.grant(root, limits.listLeaseMs)
  let after: Place | undefined
  let isFirst = true

  const close = () => {
    lease.end()
    views!.release(view)
  }
  const slice = () => {
    if (lease.root === undefined || view.disposed) throw new Error("the list was left too long")
    const { body, entries, ended, place } = lease.root.snapshot.walk({
      since: 0,
      values,
      bytesMax: limits.frameBytesMax,
      visitsMax: limits.visitsMax,
      ...(after && { after }),
      ...filterOf(view),
    })
    after = place
    lease.renew()
    if (entries === 0) return { ended, bytes: new Uint8Array() }
    const bytes = new Uint8Array(body.length + (isFirst ? 0 : 1))
    if (!isFirst) bytes[0] = COMMA
    bytes.set(body, bytes.length - body.length)
    isFirst = false
    return { ended, bytes }
  }

  return new ReadableStream(
    {
      start(controller) {
        const { epoch, revision } = position
        const head = { topic: name, epoch, revision, position: formatPosition(position) }
        controller.enqueue(utf8.encode(`${JSON.stringify(head).slice(0, -1)},"entries":[`))
      },
      async pull(controller) {
        try {
          let enqueued = false
          while (!enqueued) {
            const { ended, bytes } = await turns.run(slice)
            enqueued = bytes.length > 0 || ended
            if (bytes.length > 0) controller.enqueue(bytes)
            if (!ended) continue
            controller.enqueue(utf8.encode("]}\n"))
            controller.close()
            close()
          }
        } catch (error) {
          close()
          controller.error(error)
        }
      },
      cancel: close,
    },
    { highWaterMark: 0 },
  )
}

const COMMA = 0x2c

function filterOf({ filter }: View) {
  return filter === undefined ? {} : { filter }
}
