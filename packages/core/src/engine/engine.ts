// Projects that compile for ES2022 have no `Disposable`.
/// <reference lib="esnext.disposable" preserve="true" />
import { releaseBuild } from "#release-build"
import {
  checkOptions,
  functionRule,
  integerRule,
  type OptionRules,
  objectRule,
} from "../options.ts"
import type { EngineBuild } from "./abi.ts"
import { Buffer, countItems } from "./buffer.ts"
import { Filter, type FilterSpec } from "./filter.ts"
import { type Leak, LeakNet } from "./handles.ts"
import { Host } from "./host.ts"
import {
  PAGE_BYTES,
  STATE_LEAVES,
  STATE_NODES,
  STATE_PAGES_FREE,
  STATE_SNAPSHOTS,
} from "./layout.ts"
import type { Snapshot } from "./snapshot.ts"
import { Trie } from "./trie.ts"
import { ViewSums } from "./view-sums.ts"

/** The options of `createEngine`. */
export interface EngineOptions {
  /** Most bytes of its memory, 1 GiB by default, up to 4 GiB; at least 4 MiB. */
  readonly bytesMax?: number
  /** Two u32 that key the hash; random by default, so that keys cannot be picked to collide. */
  readonly seed?: readonly [number, number]
  /** Another build than the one that ships: `@headwater/core/debug`. */
  readonly build?: EngineBuild
  /** For debugging: called for each handle that was dropped, not disposed of. See `LeakNet`. */
  readonly onLeak?: (leak: Leak) => void
  /** For tests that force collisions: bits of the hash that are used. */
  readonly hashMask?: number
}

/** A census of an engine. Bytes are those of blocks, rounded up to their classes. */
export interface EngineStats {
  readonly bytesLive: number
  /** Linear memory so far: it never shrinks. */
  readonly bytesReserved: number
  readonly bytesMax: number
  /** Whole pages that any size may use. */
  readonly bytesFree: number
  readonly nodes: number
  readonly leaves: number
  readonly tombstones: number
  readonly tombstoneBytes: number
  /** Versions that are held, the trie's own base included. */
  readonly snapshots: number
  readonly items: number
}

/**
 * One instance of the core with a memory of its own: one trie, and any number of buffers.
 *
 * Synchronous on Node, Deno, Bun and in browsers: 1 to 4 ms the first time, 0.1 ms after.
 *
 * @throws {MemoryFullError} the memory cannot even hold an empty trie.
 * @throws {OptionError} an option is not known, or makes no sense.
 */
export function createEngine(options: EngineOptions = {}): Engine {
  return new Engine(options)
}

/** An engine: see `createEngine`. Dropping it, with all of its handles, drops its memory. */
export class Engine implements Disposable {
  #host: Host
  #trie: Trie

  constructor(options: EngineOptions = {}) {
    checkOptions("createEngine", options, RULES)
    const bytesMax = options.bytesMax ?? 2 ** 30
    const seed = options.seed ?? randomSeed()
    const build = options.build ?? releaseBuild
    const leaks = options.onLeak && new LeakNet(options.onLeak)
    this.#host = new Host(build, bytesMax, seed, options.hashMask ?? 0xffffffff, leaks)
    this.#trie = new Trie(this.#host)
  }

  /** The trie of this engine. */
  trie(): Trie {
    return this.#trie
  }

  /** A new event buffer in this engine's memory. */
  buffer(): Buffer {
    return new Buffer(this.#host)
  }

  /** A filter for walks of this engine's snapshots. */
  filter(spec: FilterSpec): Filter {
    return new Filter(this.#host, spec)
  }

  /** Running sums of what a filter lets through. */
  viewSums(filter: Filter): ViewSums {
    return new ViewSums(this.#host, this.#trie, filter)
  }

  /** Fills an engine that nothing was written to, and commits. For `loadEngine`. */
  load(fill: (host: Host) => { reach: number; complete: boolean }): Snapshot {
    return this.#trie.commit(fill(this.#host))
  }

  /** Bytes in use beyond those of an empty engine. 0 means that nothing leaks. */
  liveBytes(): number {
    return this.#host.bytesLive
  }

  /** Counts everything. O(1). */
  stats(): EngineStats {
    const host = this.#host
    host.refresh()
    return {
      bytesLive: host.bytesLive,
      bytesReserved: host.bytesReserved,
      bytesMax: host.bytesMax,
      bytesFree: host.u32[STATE_PAGES_FREE >> 2]! * PAGE_BYTES,
      nodes: host.u32[STATE_NODES >> 2]!,
      leaves: host.u32[STATE_LEAVES >> 2]!,
      tombstones: this.#trie.tombstones,
      tombstoneBytes: this.#trie.tombstoneBytes,
      snapshots: host.u32[STATE_SNAPSHOTS >> 2]!,
      items: countItems(host),
    }
  }

  /** Lets go of the memory: every handle of this engine is disposed of. */
  dispose(): void {
    this.#host.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

const RULES: OptionRules<EngineOptions> = {
  bytesMax: integerRule(4 * 2 ** 20, 2 ** 32),
  seed: {
    allowed: "two integers from 0 to 4294967295",
    test: (value) => Array.isArray(value) && value.length === 2 && value.every(isU32),
  },
  build: objectRule,
  onLeak: functionRule,
  hashMask: integerRule(0, 0xffffffff),
}

function isU32(value: unknown): boolean {
  return typeof value === "number" && value >>> 0 === value
}

function randomSeed(): readonly [number, number] {
  const [a, b] = crypto.getRandomValues(new Uint32Array(2))
  return [a!, b!]
}
