import { createInterface } from "node:readline"
import { Readable } from "node:stream"
import type { Follower } from "./follower.ts"

const PAGE = 10_000

/** An entry as etcd's JSON gateway writes it. */
interface Pair {
  readonly key: string
  readonly value?: string
  readonly mod_revision: string
}

interface RangeAnswer {
  readonly header: { readonly revision: string }
  readonly kvs?: readonly Pair[]
  readonly more?: boolean
}

interface WatchAnswer {
  readonly result?: {
    readonly created?: boolean
    readonly events?: readonly { readonly type?: string; readonly kv: Pair }[]
  }
}

/**
 * The control: what any client of etcd has to do. Reads the range in pages as of one revision, and
 * watches from the next; keeps a `Map` of values as bytes and their revisions. No errors, no
 * compaction, no loss of a connection is thought of.
 */
export function bareEtcdFollower(url: string, prefix: string): Follower {
  const held = new Map<string, { value: Uint8Array; revision: number }>()
  let wake = () => {}
  const apply = ({ key, value = "", mod_revision }: Pair) =>
    held.set(decode(key).toString().slice(prefix.length), {
      value: decode(value),
      revision: Number(mod_revision),
    })

  async function list(): Promise<number> {
    let key = encode(prefix)
    for (let revision = "0"; ; ) {
      const page = { key, range_end: endOf(prefix), limit: PAGE, revision }
      const answer = (await call(url, "/v3/kv/range", page)) as RangeAnswer
      for (const pair of answer.kvs ?? []) apply(pair)
      if (revision === "0") revision = answer.header.revision
      const last = answer.kvs?.at(-1)
      if (!answer.more || last === undefined) return Number(revision)
      key = Buffer.concat([decode(last.key), Buffer.of(0)]).toString("base64")
    }
  }

  async function watch(from: number, onCreated: () => void): Promise<void> {
    const range = { key: encode(prefix), range_end: endOf(prefix), start_revision: String(from) }
    const body = JSON.stringify({ create_request: range })
    const response = await fetch(`${url}/v3/watch`, { method: "POST", body })
    const input = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0])
    for await (const line of createInterface({ input })) {
      const { result } = JSON.parse(line) as WatchAnswer
      if (result?.created) onCreated()
      for (const { type, kv } of result?.events ?? []) {
        if (type === "DELETE") held.delete(decode(kv.key).toString().slice(prefix.length))
        else apply(kv)
      }
      wake()
    }
  }

  return {
    async start() {
      const revision = await list()
      await new Promise<void>((resolve, reject) => {
        watch(revision + 1, resolve).catch(reject)
      })
    },
    size: () => held.size,
    get: (key) => {
      const value = held.get(key)?.value
      return value && Buffer.from(value).toString()
    },
    changed: () =>
      new Promise((resolve) => {
        wake = resolve
      }),
    put: (key, value) => putToEtcd(url, prefix + key, value),
  }
}

/** Writes one key by the gateway. */
export async function putToEtcd(url: string, key: string, value: string): Promise<void> {
  await call(url, "/v3/kv/put", { key: encode(key), value: encode(value) })
}

async function call(url: string, path: string, body: object): Promise<unknown> {
  const response = await fetch(url + path, { method: "POST", body: JSON.stringify(body) })
  return await response.json()
}

function encode(key: string): string {
  return Buffer.from(key).toString("base64")
}

function decode(base64: string): Buffer {
  return Buffer.from(base64, "base64")
}

/** The first key behind a prefix that ends in an ASCII character. */
function endOf(prefix: string): string {
  const last = prefix.charCodeAt(prefix.length - 1)
  return encode(prefix.slice(0, -1) + String.fromCharCode(last + 1))
}
