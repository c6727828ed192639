/** A leaf of the trie; without a value, a tombstone. Never written once it is committed. */
export interface ModelLeaf {
  readonly key: string
  readonly hash: number
  readonly revision: number
  readonly value: string | undefined
  readonly birth: number
  readonly valueBirth: number
}
