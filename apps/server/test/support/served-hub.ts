import { createApp } from "../../src/http/app.ts"
import type { AppOptions } from "../../src/http/app-options.ts"
import { createHub, type Hub } from "../../src/hub.ts"
import type { HubOptions } from "../../src/hub-options.ts"
import type { Listener, ListenOptions } from "../../src/runtime/runtime.ts"
import { ownRuntime } from "./own-runtime.ts"

/** A hub that listens on a free port of this machine, with what its log said. */
export interface ServedHub {
  readonly hub: Hub
  /** `http://127.0.0.1:PORT`. */
  readonly url: string
  readonly log: string[]
  readonly listener: Listener
  close(): Promise<void>
}

/**
 * Serves a hub on this runtime, as the command does, and waits until all its topics have been in
 * sync: before that, it refuses what it would else do.
 */
export async function serveHub(
  options: HubOptions,
  app: Partial<AppOptions> = {},
  listen: Partial<ListenOptions> = {},
): Promise<ServedHub> {
  const log: string[] = []
  const hub = createHub({
    log: (line, fields) => {
      log.push(fields === undefined ? line : `${line} ${JSON.stringify(fields, withErrors)}`)
    },
    ...options,
  })
  const isGranted = app.access !== undefined || app.authorize !== undefined
  const hono = createApp(hub, { ...(!isGranted && { anonymous: "write" }), hosts: [], ...app })
  const listener: Listener = await (await ownRuntime()).listen(
    (request, peer) => hono.fetch(request, peer),
    { hostname: "127.0.0.1", port: 0, log: hub.log, observer: hub.observer, ...listen },
  )
  for (const { cache } of hub.topics) {
    while (!cache.wasInSync) await cache.changes.wait()
  }
  return {
    hub,
    url: listener.url,
    log,
    listener,
    async close() {
      await Promise.all([hub.close(200), listener.close()])
    },
  }
}

function withErrors(_name: string, value: unknown): unknown {
  return value instanceof Error ? String(value.stack) : value
}
