/**
 * A prefix of etcd v3 as a source, over `fetch` alone.
 *
 * @example
 * const clock = systemClock
 * const source = etcdSource({ endpoints: ["http://127.0.0.1:2379"], prefix: "/services/", clock })
 * for await (const page of source.list({}, signal)) console.log(page.revision, page.entries.length)
 *
 * @module
 */
export { type EtcdOptions, EtcdSource, etcdSource } from "./etcd-source.ts"
export { etcdType } from "./etcd-type.ts"
