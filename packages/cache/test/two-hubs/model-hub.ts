import type { Commit, Position } from "@headwater/core"
import type { Engine, Snapshot } from "@headwater/core/engine"
import { ManualClock } from "@headwater/testing"
import { chunksOf } from "../../src/batch.ts"
import { EpochState, type SavedEpoch } from "../../src/epoch-state.ts"
import type { Location } from "../../src/follow/location.ts"
import { CACHE_LIMITS } from "../../src/limits.ts"
import type { Versions } from "../../src/versions.ts"
import { type Below, type History, INVALID } from "./history.ts"
import { type ModelSnapshot, ModelTrie } from "./model-trie.ts"
import { BrokenVersions } from "./model-versions.ts"
import type { Rules } from "./rules.ts"

/** The version that a hub shows its readers. */
export interface Shown {
  readonly snapshot: Pick<Snapshot, "version" | "size" | "digest" | "walk" | "retain" | "dispose">
  readonly position: Position
  readonly horizon: number
}

/** An image of a hub. */
export interface HubImage {
  readonly trie: ModelTrie
  readonly saved: SavedEpoch
}

const EPOCH = "e1"
const clock = new ManualClock()
const decoder = new TextDecoder()
const validate = (_key: string, value: Uint8Array) =>
  decoder.decode(value) === `"${INVALID}"` ? "bad" : undefined

/**
 * A hub of the model: a real `EpochState` with its table, validator and chunks, over a trie
 * whose rules can be switched off; and what a syncer does to it, one step at a time.
 */
export class ModelHub {
  readonly #history: History
  readonly #rules: Rules
  readonly #below: Below
  readonly #limits
  readonly #trie: ModelTrie
  readonly #epochState: EpochState
  #shown: ModelSnapshot | undefined

  constructor(
    history: History,
    rules: Rules,
    options: { readonly below: Below; readonly hashOf: (key: string) => number },
    image?: HubImage,
  ) {
    const { below } = options
    this.#history = history
    this.#rules = rules
    this.#below = below
    this.#limits = {
      ...CACHE_LIMITS,
      chunkUpdatesMax: 1 + below(3),
      tableRowsMax: 8,
      gapsMax: 1 + below(2),
    }
    this.#trie = image?.trie ?? new ModelTrie(rules, options.hashOf)
    const engine = { trie: () => this.#trie, dispose() {} } as unknown as Engine
    const start = image === undefined ? { engine } : { engine, saved: image.saved }
    this.#epochState = new EpochState(
      EPOCH,
      { engine: {}, clock, limits: this.#limits, validate },
      start,
    )
    const versions = new BrokenVersions(rules, this.#limits, image?.saved.versions)
    Object.assign(this.#epochState, { versions } satisfies { versions: Versions })
    if (image !== undefined) this.#shown = this.#trie.snapshot()
  }

  /** The version that readers see; `undefined` before the first list has ended. */
  get shown(): Shown | undefined {
    const snapshot = this.#shown
    if (snapshot === undefined) return undefined
    const revision = this.#rules.completeOnly
      ? this.#epochState.served
      : this.#epochState.contiguous
    const position = { epoch: EPOCH, revision }
    return { snapshot, position, horizon: this.#epochState.horizon } as unknown as Shown
  }

  /** Locates a reader. */
  locate({ revision }: Position): Location {
    const told = this.shown?.position.revision
    if (told === undefined) return { type: "ahead" }
    if (revision === 0) return { type: "fresh" }
    return this.#epochState.versions.locate(revision, told)
  }

  /** Something that a syncer does. */
  step(): void {
    const kind = this.#shown === undefined ? 0 : this.#below(8)
    if (kind === 0) this.list()
    else if (kind === 1) this.giveUpList()
    else if (kind === 2) this.tidy()
    else this.watch(this.#below(4))
  }

  /** Hears what the source told since, all but so many revisions. */
  watch(lag: number): void {
    const epochState = this.#epochState
    const { contiguous } = epochState
    const upTo = Math.max(contiguous, this.#history.head - lag)
    this.#apply(this.#history.between(contiguous, upTo))
    if (this.#below(2) === 0) this.#publish(epochState.progress(upTo))
  }

  /** Reads a list, perhaps of a while ago, and hears beside it what came later. */
  list(): void {
    const epochState = this.#epochState
    const { head } = this.#history
    const revision = Math.max(epochState.contiguous, head - this.#below(3))
    const upTo = revision + this.#below(head - revision + 1)
    const entries = this.#history.listAt(revision)
    const cut = this.#below(entries.length + 1)
    epochState.beginResync()
    this.#page(revision, entries.slice(0, cut))
    this.#apply(this.#history.between(revision, upTo))
    this.#page(revision, entries.slice(cut))
    epochState.sweepUnseen(revision, 1_000)
    this.#publish(epochState.endResync(revision))
  }

  /** Reads a part of a list. */
  giveUpList(): void {
    const { head } = this.#history
    const entries = this.#history.listAt(head)
    this.#epochState.beginResync()
    this.#page(head, entries.slice(0, this.#below(entries.length + 1)))
    if (this.#below(3) === 0) {
      this.list()
      return
    }
    this.#epochState.abortResync()
    this.#publish(this.#epochState.commit())
  }

  /** Sweeps a tombstone or two, up to some version. */
  tidy(): void {
    const epochState = this.#epochState
    if (!epochState.whole) return
    const horizon = Math.max(0, epochState.versions.newest - this.#below(4))
    const { swept } = epochState.sweep(horizon, { bytesMax: 1e9, entriesMax: 1 + this.#below(2) })
    if (swept !== undefined) this.#publish(swept)
  }

  /** Hears everything. */
  catchUp(): void {
    if (this.#shown === undefined) this.list()
    this.watch(0)
    this.#publish(this.#epochState.progress(this.#history.head))
  }

  /** An image, of what is shown; nothing before there is any. */
  save(): HubImage | undefined {
    const snapshot = this.#shown
    if (snapshot === undefined || !this.#rules.completeOnly) return undefined
    const { served, versions } = this.#epochState
    return { trie: this.#trie.load(snapshot), saved: { served, versions: versions.save(served) } }
  }

  #page(revision: number, entries: Parameters<EpochState["applyListed"]>[0]): void {
    this.#epochState.checkList(revision)
    this.#epochState.applyListed(this.#epochState.validator.admitListed(entries, []))
    this.#publish(this.#epochState.commit())
  }

  #apply(commits: readonly Commit[]): void {
    const epochState = this.#epochState
    const fresh = commits.filter(({ revision }) => !epochState.hasApplied(revision))
    const applied = this.#rules.everyEvent ? fresh : this.#conflate(fresh)
    for (const chunk of chunksOf(applied, this.#limits.chunkUpdatesMax)) {
      this.#publish(epochState.apply(chunk))
    }
  }

  // The last change of each key alone, and none that deletes what was not there before.
  #conflate(commits: readonly Commit[]): Commit[] {
    const last = new Map<string, number>()
    for (const { revision, changes } of commits) {
      for (const { key } of changes) last.set(key, revision)
    }
    return commits.map(({ revision, changes }) => ({
      revision,
      changes: changes.filter(
        ({ op, key }) => last.get(key) === revision && (op === "put" || this.#trie.has(key)),
      ),
    }))
  }

  #publish(snapshot: Snapshot | undefined): void {
    const shown = snapshot as unknown as ModelSnapshot | undefined
    if (shown !== undefined) this.#shown = shown
    if (this.#rules.completeOnly || this.#epochState.contiguous === 0) return
    if (this.#trie.version === this.#shown?.version) return
    this.#shown = this.#trie.snapshot()
    const { versions, contiguous } = this.#epochState
    if (this.#shown.version > versions.newest) versions.complete(contiguous, this.#shown.version)
  }
}
