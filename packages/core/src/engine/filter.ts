// Projects that compile for ES2022 have no `Disposable`.
/// <reference lib="esnext.disposable" preserve="true" />
import { DisposedError, KeyError } from "../errors.ts"
import { checkOptions, type OptionRules, required } from "../options.ts"
import { encodeUtf8, isWellFormed } from "../utf8.ts"
import type { Host } from "./host.ts"

/** Keys that a filter lets through: those with one of the prefixes, and those named. */
export interface FilterSpec {
  readonly prefixes: readonly string[]
  readonly keys: readonly string[]
}

const texts = required({
  allowed: "an array of texts",
  test: (value) => Array.isArray(value) && value.every((text) => typeof text === "string"),
})
const RULES: OptionRules<FilterSpec> = { prefixes: texts, keys: texts }

/**
 * Prefixes and keys, in the engine's memory, for its walks. Compared as bytes. A handle: dispose of
 * it when no walk uses it any more. Cost of a walk: one comparison a term for each leaf that it
 * emits.
 */
export class Filter implements Disposable {
  #host: Host
  #address: number

  /** For `Engine.filter`. */
  constructor(host: Host, spec: FilterSpec) {
    checkOptions("filter", spec, RULES)
    // Half of a surrogate pair would be encoded as U+FFFD, and let through other keys.
    const odd = [...spec.prefixes, ...spec.keys].find((text) => !isWellFormed(text))
    if (odd !== undefined)
      throw new KeyError(
        "a prefix or key of the filter has half of a surrogate pair; pass well-formed Unicode",
      )
    const terms = [
      ...spec.prefixes.map((text) => [0, encodeUtf8(text)] as const),
      ...spec.keys.map((text) => [1, encodeUtf8(text)] as const),
    ]
    const bytes = terms.reduce((sum, [, text]) => sum + 8 + pad(text.byteLength), 4)
    if (bytes > 65_536)
      throw new KeyError(
        `the filter takes ${bytes} bytes; use fewer prefixes and keys, 65,536 bytes at most`,
      )
    this.#host = host
    this.#address = host.allocate(bytes)
    host.refresh()
    host.u32[this.#address >> 2] = terms.length
    let at = this.#address + 4
    for (const [kind, text] of terms) {
      host.u32[at >> 2] = kind
      host.u32[(at >> 2) + 1] = text.byteLength
      host.u8.set(text, at + 8)
      at += 8 + pad(text.byteLength)
    }
    host.leaks?.watch(this, "filter")
  }

  /** Its address. For the engine's own use. */
  get address(): number {
    if (this.#address === 0) throw new DisposedError("the filter is disposed of")
    return this.#address
  }

  /** Frees it. Calling it again does nothing. */
  dispose(): void {
    if (this.#address === 0) return
    this.#host.leaks?.forget(this)
    if (!this.#host.isDisposed) this.#host.abi.release(this.#address)
    this.#address = 0
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

function pad(bytes: number): number {
  return (bytes + 3) & ~3
}
