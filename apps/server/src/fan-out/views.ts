import type { EpochState, PinnedSnapshot } from "@headwater/cache"
import { assert, encodeUtf8, MemoryFullError } from "@headwater/core"
import type { ViewFilter, ViewSpec } from "@headwater/protocol"
import { TooManyError } from "../errors.ts"
import { TermIndex } from "./term-index.ts"
import { View, type ViewContext } from "./view.ts"

interface ViewEntry {
  readonly view: View
  /** Of its prefixes and keys. */
  readonly bytes: number
  holders: number
  idleSince: number
}

/** The address and the identity of a reader, each of which has a share of the filtered views. */
export interface ViewHolder {
  readonly address?: string | undefined
  readonly identity?: string | undefined
}

/** A filter that a reader asks for, with its grant, its address and its identity. */
export interface ViewRequest extends ViewSpec {
  /** Of the peer; without one, its views are not counted. */
  readonly address?: string | undefined
}

/** Changes of a commit that are looked up in the index of terms; beyond it all views are woken. */
const CHANGES_MAX = 2_000

/**
 * The views of one epoch of a topic. Readers that ask for the same view share one.
 *
 * An unused view stays for as long as frames are kept, so that a reader that comes back at once
 * finds it. The table is bounded; unused views give way first.
 */
export class Views {
  readonly epochState: EpochState
  readonly #context: ViewContext
  readonly #held = new Map<string, ViewEntry>()
  readonly #byView = new WeakMap<View, ViewEntry>()
  readonly #terms = new TermIndex<View>()
  /** Filtered views in the table, and the bytes of their prefixes and keys. */
  #filtered = 0
  #filterBytes = 0
  /** Readers by address or identity, and by filtered view. */
  readonly #byHolder = new Map<string, Map<View, number>>()
  #numbers = 0
  #newest: PinnedSnapshot | undefined
  #cancelTimer: (() => void) | undefined

  constructor(epochState: EpochState, context: ViewContext) {
    this.epochState = epochState
    this.#context = context
  }

  /** Views in the table, used or idle. */
  get size(): number {
    return this.#held.size
  }

  /**
   * The view for a request. Give it back with `release`. There is always room for the unfiltered
   * view.
   *
   * @throws {TooManyError} when `viewsMax` others are in use, or filters of `viewBytesMax`, or
   *   `viewsPerAddressMax` by readers at this address, or `viewsPerIdentityMax` of this identity.
   */
  retain(request: ViewRequest): View {
    const key = keyOf(request)
    const held = this.#held.get(key) ?? this.#add(key, request)
    const { view } = held
    if (view.filter !== undefined) this.#count(view, request)
    held.holders++
    return view
  }

  /** Gives a view back, from the same holder. */
  release(view: View, holder: ViewHolder = {}): void {
    const held = this.#byView.get(view)
    if (held === undefined) return
    held.holders--
    held.idleSince = this.#context.clock.elapsed()
    for (const { name } of this.#sharesOf(holder)) {
      const counts = this.#byHolder.get(name)
      const holders = counts?.get(view)
      if (counts === undefined || holders === undefined) continue
      if (holders > 1) counts.set(view, holders - 1)
      else counts.delete(view)
      if (counts.size === 0) this.#byHolder.delete(name)
    }
  }

  /**
   * Notes which snapshot is served now, after the one of version `before` (0: after none). Returns
   * the filtered views that it may have changed; `undefined` where these cannot be told, or are too
   * many to look for.
   */
  advance(pinned: PinnedSnapshot, before: number): ReadonlySet<View> | undefined {
    this.#newest = pinned
    const changed = this.#changedViews(pinned, before)
    const views = changed ?? this.#views()
    for (const view of views) view.changed(pinned.version, before)
    return changed
  }

  /** Disposes of all views, when the epoch or the topic ends. */
  close(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    for (const view of this.#views()) view.dispose()
    this.#held.clear()
    this.#byHolder.clear()
  }

  *#views(): Generator<View> {
    for (const { view } of this.#held.values()) yield view
  }

  #add(key: string, request: ViewRequest): ViewEntry {
    const { clock, limits } = this.#context
    const isFiltered = !isUnfiltered(request)
    const bytes = isFiltered ? bytesOf(request.grant ?? request) : 0
    if (isFiltered) this.#makeRoom(bytes)
    const newest = this.#newest?.version ?? 0
    const view = new View(++this.#numbers, request, this.epochState, this.#context, newest)
    const held = { view, bytes, holders: 0, idleSince: clock.elapsed() }
    this.#held.set(key, held)
    this.#byView.set(view, held)
    if (isFiltered) {
      this.#filtered++
      this.#filterBytes += bytes
      this.#terms.add(view, view.terms)
    }
    this.#cancelTimer ??= clock.after(limits.frameCacheMs, () => this.#sweep())
    return held
  }

  #makeRoom(bytes: number): void {
    const { viewsMax, viewBytesMax } = this.#context.limits
    const isFull = () => this.#filtered >= viewsMax || this.#filterBytes + bytes > viewBytesMax
    if (!isFull()) return
    this.#dropIdle(0)
    if (!isFull()) return
    throw new TooManyError(
      `all ${viewsMax} filtered views of a topic are in use, or ${viewBytesMax} bytes of filters`,
    )
  }

  #count(view: View, holder: ViewHolder): void {
    const shares = this.#sharesOf(holder)
    for (const { name, max, of } of shares) {
      const counts = this.#byHolder.get(name)
      if (counts === undefined || counts.has(view) || counts.size < max) continue
      throw new TooManyError(`${max} filtered views are in use by this ${of}`)
    }
    for (const { name } of shares) {
      const counts = this.#byHolder.get(name) ?? new Map<View, number>()
      this.#byHolder.set(name, counts.set(view, (counts.get(view) ?? 0) + 1))
    }
  }

  #sharesOf({ address, identity }: ViewHolder) {
    const { viewsPerAddressMax, viewsPerIdentityMax } = this.#context.limits
    const shares = []
    if (address !== undefined) {
      shares.push({ name: `address ${address}`, max: viewsPerAddressMax, of: "address" })
    }
    if (identity !== undefined) {
      shares.push({ name: `identity ${identity}`, max: viewsPerIdentityMax, of: "identity" })
    }
    return shares
  }

  #changedViews(pinned: PinnedSnapshot, before: number): Set<View> | undefined {
    if (before === 0 || before < this.epochState.horizon) return undefined
    const changed = new Set<View>()
    if (this.#filtered === 0) return changed
    let changes = 0
    try {
      for (const { key } of pinned.snapshot.changesSince(before)) {
        if (++changes > CHANGES_MAX) return undefined
        this.#terms.findInto(key, changed)
      }
    } catch (error) {
      // Without memory to look the changes up, all views are woken.
      if (error instanceof MemoryFullError) return undefined
      throw error
    }
    return changed
  }

  #sweep(): void {
    const { clock, limits } = this.#context
    this.#dropIdle(limits.frameCacheMs)
    const newest = this.#newest
    if (newest !== undefined) for (const view of this.#views()) view.freshen(newest)
    this.#cancelTimer =
      this.#held.size === 0 ? undefined : clock.after(limits.frameCacheMs, () => this.#sweep())
  }

  #dropIdle(idleMs: number): void {
    const until = this.#context.clock.elapsed() - idleMs
    for (const [key, { view, bytes, holders, idleSince }] of this.#held) {
      if (holders > 0 || idleSince > until) continue
      view.dispose()
      this.#held.delete(key)
      if (view.filter === undefined) continue
      this.#filtered--
      this.#filterBytes -= bytes
      this.#terms.remove(view, view.terms)
    }
  }
}

function isUnfiltered({ prefixes, keys, grant }: ViewSpec): boolean {
  if (grant === undefined) return prefixes.includes("") || prefixes.length + keys.length === 0
  // Lists without terms would be the unfiltered view: the caller refuses a grant of nothing.
  assert(grant.prefixes.length + grant.keys.length > 0, "a grant that is cut to has terms")
  return false
}

/**
 * The same for requests that want the same, and different for any others: the 8 digits of a view
 * are few enough to be searched for a match.
 */
function keyOf(request: ViewRequest): string {
  const { prefixes, keys, values, grant } = request
  if (isUnfiltered(request)) return JSON.stringify([values])
  const asked = [[...new Set(prefixes)].sort(), [...new Set(keys)].sort()]
  return JSON.stringify([values, ...asked, ...(grant ? [grant.prefixes, grant.keys] : [])])
}

function bytesOf({ prefixes, keys }: ViewFilter): number {
  return encodeUtf8([...prefixes, ...keys].join("")).length
}
