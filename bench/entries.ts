import { prng } from "@headwater/testing"

/** Bytes of every key: paths as a cluster's registry has them. */
export const KEY_BYTES = 60

/** Bytes of every value: JSON, ASCII, spelled as `JSON.stringify` spells it. */
export const VALUE_BYTES = 146

const utf8 = new TextEncoder()
const text = new TextDecoder()

/**
 * Keys and values by number, the same for the same seed on every runtime. Each call makes a new
 * string or array: nothing is held here, so that a benchmark of memory sees only its subject's.
 */
export class Entries {
  readonly seed: number
  readonly #salt: number

  constructor(seed: number) {
    this.seed = seed
    this.#salt = Math.floor(prng(seed)() * 2 ** 32)
  }

  /** The key of a number; other numbers have other keys. Flat, as a decoder makes them. */
  keyAt(index: number): string {
    const mixed = mix(index, this.#salt)
    const namespace = String(mixed % 100).padStart(2, "0")
    const name = String(index).padStart(7, "0")
    const tail = (mixed % 60_466_176).toString(36).padStart(5, "0")
    const key = `/registry/services/endpoints/namespace-${namespace}/name-${name}-${tail}`
    // Joined pieces are a tree of strings until they are read; a decoded string is one piece.
    return text.decode(utf8.encode(key))
  }

  /** A key that no number below ten million has. */
  missAt(index: number): string {
    return text.decode(utf8.encode(this.keyAt(index).replace("/name-", "/nome-")))
  }

  /** The value of a number at its `round`-th write. */
  valueAt(index: number, round = 0): Uint8Array {
    return utf8.encode(this.valueTextAt(index, round))
  }

  /** The same as text. */
  valueTextAt(index: number, round = 0): string {
    const mixed = mix(index, this.#salt + round)
    const [a, b, c] = [mixed & 255, (mixed >>> 8) & 255, (mixed >>> 16) & 255]
    const port = 1024 + (mixed % 60_000)
    const head = `{"ip":"10.${a}.${b}.${c}","port":${port},"ready":true,"n":${round}`
    const open = `${head},"node":"node-${mixed % 1000}","zone":"eu-west-1b","uid":"`
    const digits = mixed.toString(16).padStart(8, "0").repeat(10)
    return `${open}${digits.slice(0, VALUE_BYTES - open.length - 2)}"}`
  }

  /** The change of a number, in a row of changes that goes round through so many keys. */
  changeAt(number: number, keys: number): readonly [key: string, valueText: string] {
    const index = number % keys
    return [this.keyAt(index), this.valueTextAt(index, number)]
  }
}

/** `count` numbers from 0 to below `bound`, drawn with the seed. */
export function drawn(count: number, bound: number, seed: number): Uint32Array {
  const random = prng(seed)
  return Uint32Array.from({ length: count }, () => Math.floor(random() * bound))
}

// The finaliser of MurmurHash3 (Austin Appleby): every bit of the number moves every bit of it.
function mix(index: number, salt: number): number {
  let h = (index ^ salt) >>> 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
