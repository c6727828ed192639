import type { Change, Revision } from "@headwater/core"

/**
 * Which keys are there as of a revision.
 *
 * etcd v2 tells of a directory that was deleted with its directories and files in one event that
 * names the directory alone. Who was told of each file has to be told of the end of each: so the
 * source remembers which there are.
 *
 * Holds the keys once: the strings are those of the entries that were listed.
 */
export class KnownKeys {
  readonly #keys: Set<string>
  #revision: Revision

  constructor(revision: Revision, keys: Iterable<string>) {
    this.#revision = revision
    this.#keys = new Set(keys)
  }

  /** The revision as of which it knows them. */
  get revision(): Revision {
    return this.#revision
  }

  /** What was told up to a revision. */
  apply(revision: Revision, changes: readonly Change[]): void {
    for (const { op, key } of changes) {
      if (op === "put") this.#keys.add(key)
      else this.#keys.delete(key)
    }
    this.#revision = revision
  }

  /** Every key that begins so. Cost: a look at each key that there is. */
  beginningWith(prefix: string): string[] {
    return [...this.#keys].filter((key) => key.startsWith(prefix))
  }

  /** The same, to go on from by itself. */
  copy(): KnownKeys {
    return new KnownKeys(this.#revision, this.#keys)
  }
}
