/**
 * A directory of etcd's v2 keys API as a source, over `fetch` alone. Read-only.
 *
 * @example
 * const clock = systemClock
 * const source = etcd2Source({ endpoints: ["http://127.0.0.1:2379"], prefix: "/services/", clock })
 * for await (const page of source.list({}, signal)) console.log(page.revision, page.entries.length)
 *
 * @module
 */
export { type Etcd2Options, Etcd2Source, etcd2Source } from "./etcd2-source.ts"
export { etcd2Type } from "./etcd2-type.ts"
