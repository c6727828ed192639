import type { EntryChange, ReplicaCommit } from "@headwater/client"

/** A change that the page saw, with the time at which it saw it. */
export interface LoggedChange {
  /** Counts from 1 in the order of changes. */
  readonly number: number
  readonly type: EntryChange["type"]
  readonly key: string
  readonly revision: number
  /** Milliseconds since 1970. */
  readonly at: number
  /** Undefined for an entry that was deleted. */
  readonly value: unknown
  /** The value that it replaced; undefined for a new entry. */
  readonly previous: unknown
}

/** The last changes of a topic since the page follows it. Bounded: older ones are dropped. */
export class ChangeLog {
  readonly #countMax: number
  readonly #ring: LoggedChange[] = []
  #total = 0

  constructor(countMax: number) {
    this.#countMax = countMax
  }

  /** The number of changes ever added. */
  get total(): number {
    return this.#total
  }

  /** Adds the changes of a commit. */
  add({ position, changes }: ReplicaCommit, at: number): void {
    const skipped = Math.max(0, changes.length - this.#countMax)
    this.#total += skipped
    // A replica may take several commits in one step: here they stand in their order.
    const last = changes.slice(skipped).map((change) => {
      const revision = change.type === "deleted" ? position.revision : change.entry.revision
      return { change, revision }
    })
    for (const { change, revision } of last.sort((a, b) => a.revision - b.revision)) {
      const isGone = change.type === "deleted"
      this.#ring[this.#total % this.#countMax] = {
        number: this.#total + 1,
        type: change.type,
        key: isGone ? change.previous.key : change.entry.key,
        revision,
        at,
        value: isGone ? undefined : change.entry.value,
        previous: change.type === "new" ? undefined : change.previous.value,
      }
      this.#total += 1
    }
  }

  /** The changes that are still here, newest first, without those above a number. */
  newest(isWanted: (change: LoggedChange) => boolean, upTo = this.#total): LoggedChange[] {
    const wanted: LoggedChange[] = []
    const oldest = Math.max(0, this.#total - this.#countMax)
    for (let number = Math.min(upTo, this.#total); number > oldest; number--) {
      const change = this.#ring[(number - 1) % this.#countMax]
      if (change?.number === number && isWanted(change)) wanted.push(change)
    }
    return wanted
  }
}
