import { SnapshotCache } from "@headwater/cache"
import { systemClock } from "@headwater/core"
import { Syncer, type SyncerLimits } from "@headwater/syncer"
import { type EtcdOptions, type EtcdSource, etcdSource } from "@headwater/syncer/etcd"
import type { Etcd } from "@headwater/testing/etcd"
import { pause } from "./hub-process.ts"

const RECOVERY_MS_MAX = 120_000

/** A hub's inner half in this process: source, syncer and cache, as a hub has them. */
export class Mirror {
  readonly cache = new SnapshotCache({ clock: systemClock })
  readonly source: EtcdSource
  readonly syncer: Syncer
  readonly log: string[] = []
  readonly #abort = new AbortController()
  readonly #running: Promise<void>

  constructor(options: Omit<EtcdOptions, "clock">, limits: Partial<SyncerLimits> = {}) {
    this.source = etcdSource({ ...options, clock: systemClock })
    this.syncer = new Syncer({
      source: this.source,
      cache: this.cache,
      clock: systemClock,
      random: Math.random,
      limits,
      epochSalt: options.prefix,
      log: (line, fields) => this.log.push(`${line} ${JSON.stringify(fields ?? {})}`),
    })
    this.#running = this.syncer.run(this.#abort.signal)
    this.#running.catch(() => {}) // `stop` tells
  }

  /** Waits until it is in sync and has come to what etcd has now; ms from `since`, or the call. */
  async recovered(etcd: Etcd, since = performance.now(), life?: string): Promise<number> {
    const deadline = performance.now() + RECOVERY_MS_MAX
    let wanted: number | undefined
    for (;;) {
      wanted ??= await etcd.revision().catch(() => undefined)
      const { position, report, epoch } = this.cache
      const isThere = wanted !== undefined && (position?.revision ?? 0) >= wanted
      if (isThere && report.status === "in-sync" && epoch !== life) {
        return Math.round(performance.now() - since)
      }
      if (performance.now() > deadline) {
        const { status } = report
        const tail = this.log.slice(-20).join("\n")
        throw new Error(`${status} at ${position?.revision}, not ${wanted}\n${tail}`)
      }
      await pause(5)
    }
  }

  /**
   * Keys, values or revisions that differ from etcd's, ten of them at most. No test may write
   * meanwhile.
   */
  async differences(etcd: Etcd, prefix: string): Promise<string[]> {
    await this.recovered(etcd)
    const wanted = await contentOf(etcd, prefix)
    const found: string[] = []
    for (const { key, value, revision } of this.cache.current?.snapshot.entries() ?? []) {
      const name = Buffer.from(prefix + key).toString("base64")
      const held = `${Buffer.from(value).toString("base64")} at ${revision}`
      if (wanted.get(name) !== held) found.push(`${key}: ${held}, not ${wanted.get(name)}`)
      wanted.delete(name)
    }
    for (const [name, lacking] of wanted) found.push(`${atob(name)}: absent, not ${lacking}`)
    return found.slice(0, 10)
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#running
    await this.source.close()
    await this.cache.close()
  }
}

interface Range {
  readonly header: { readonly revision: string }
  readonly kvs?: readonly { readonly key: string; value?: string; mod_revision: string }[]
  readonly more?: boolean
}

/** All entries below a prefix, read without any of our code: base64 key to value and revision. */
async function contentOf(etcd: Etcd, prefix: string): Promise<Map<string, string>> {
  const content = new Map<string, string>()
  const end = Buffer.from(prefix)
  end[end.length - 1]! += 1
  let key = Buffer.from(prefix)
  let revision: string | undefined
  for (let more = true; more; ) {
    const range = { key: key.toString("base64"), range_end: end.toString("base64"), limit: "10000" }
    const answer = (await etcd.call("/v3/kv/range", { ...range, revision })) as Range
    revision ??= answer.header.revision
    for (const kv of answer.kvs ?? []) {
      content.set(kv.key, `${kv.value ?? ""} at ${kv.mod_revision}`)
    }
    more = answer.more === true
    key = Buffer.concat([Buffer.from(answer.kvs?.at(-1)?.key ?? "", "base64"), Buffer.of(0)])
  }
  return content
}
