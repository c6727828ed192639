import type { Lease, Leases, PinnedSnapshot } from "@headwater/cache"
import type { Position } from "@headwater/core"
import type { Place } from "@headwater/core/engine"
import { RequestError } from "./errors.ts"
import type { HubLimits } from "./limits.ts"

/** The end of one page of a list, from which the next page goes on. */
export interface Continuation {
  /** The pinned snapshot that the list reads. */
  readonly pinned: PinnedSnapshot
  readonly position: Position
  readonly prefix: string
  /** See `Session.owner`: another credential or grant does not find it. */
  readonly owner: string
  readonly after: Place
}

interface Kept extends Omit<Continuation, "pinned"> {
  readonly lease: Lease
}

/**
 * Continuations of lists by pages, each under the name that the client got as `next`. Each pins its
 * snapshot for `listLeaseMs`, so that all pages are of one position.
 *
 * A name is a secret that cannot be guessed. It may be used again, so that a client can ask once
 * more for a page that was lost on the way.
 *
 * Decision: docs/decisions/server.md, “A page of a list pins its snapshot”.
 */
export class Continuations {
  readonly #leases: Leases
  readonly #limits: Pick<HubLimits, "pagesMax" | "listLeaseMs">
  // In the order in which they were kept, which is that in which their leases end.
  readonly #kept = new Map<string, Kept>()

  constructor(leases: Leases, limits: Pick<HubLimits, "pagesMax" | "listLeaseMs">) {
    this.#leases = leases
    this.#limits = limits
  }

  /** Keeps a continuation and returns its name. Beyond `pagesMax` the oldest is forgotten. */
  keep({ pinned, ...rest }: Continuation): string {
    this.#forgetOld()
    const name = crypto.randomUUID()
    this.#kept.set(name, { ...rest, lease: this.#leases.grant(pinned, this.#limits.listLeaseMs) })
    return name
  }

  /**
   * Returns the continuation of a name.
   *
   * @throws {RequestError} 410: it is not kept any more, or never was, or is another owner's.
   */
  find(name: string, owner: string): Continuation {
    const kept = this.#kept.get(name)
    const pinned = kept?.lease.pinned
    if (kept === undefined || pinned === undefined || kept.owner !== owner) {
      const seconds = this.#limits.listLeaseMs / 1_000
      const message = `a next is kept for at most ${seconds} s, and this one is not: list anew`
      throw new RequestError("ERR_PAGE_GONE", message)
    }
    return { ...kept, pinned }
  }

  #forgetOld(): void {
    for (const [name, { lease }] of this.#kept) {
      if (lease.pinned !== undefined && this.#kept.size < this.#limits.pagesMax) return
      lease.end()
      this.#kept.delete(name)
    }
  }
}
