import type { Position } from "@headwater/core"
import type { Place } from "@headwater/core/engine"
import { RequestError } from "./errors.ts"
import type { Lease, Leases } from "./fan-out/leases.ts"
import type { Root } from "./fan-out/root.ts"
import type { HubLimits } from "./limits.ts"

/** Where a list goes on: the root that it reads, and how far it has got. */
export interface Page {
  readonly root: Root
  readonly position: Position
  readonly prefix: string
  readonly after: Place
}

interface Kept extends Omit<Page, "root"> {
  readonly lease: Lease
}

/**
 * Lists that were told in part, for who comes back for more: each pins its root for 30 s, so that
 * all pages are of one moment. Its name is a secret that cannot be guessed. A name may be used
 * again, so that a page that was lost on the way can be asked for once more.
 */
export class Pages {
  readonly #leases: Leases
  readonly #limits: Pick<HubLimits, "pagesMax" | "listLeaseMs">
  readonly #kept = new Map<string, Kept>()

  constructor(leases: Leases, limits: Pick<HubLimits, "pagesMax" | "listLeaseMs">) {
    this.#leases = leases
    this.#limits = limits
  }

  /** Keeps where a list goes on, and names it. When there are too many, the oldest is forgotten. */
  keep({ root, ...page }: Page): string {
    this.#forgetOld()
    const name = crypto.randomUUID()
    this.#kept.set(name, { ...page, lease: this.#leases.grant(root, this.#limits.listLeaseMs) })
    return name
  }

  /**
   * Where the list of that name goes on.
   *
   * @throws {RequestError} 410: it is not kept any more, or never was.
   */
  find(name: string): Page {
    const kept = this.#kept.get(name)
    const root = kept?.lease.root
    if (kept === undefined || root === undefined) {
      throw new RequestError("ERR_PAGE_GONE", "this list is not kept any more: begin again")
    }
    return { ...kept, root }
  }

  // Names are in the order of their ends.
  #forgetOld(): void {
    for (const [name, { lease }] of this.#kept) {
      if (lease.root !== undefined && this.#kept.size < this.#limits.pagesMax) return
      lease.end()
      this.#kept.delete(name)
    }
  }
}
