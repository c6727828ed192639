import { readUtf8 } from "@headwater/core"
import { invalid, type RequestError } from "../errors.ts"
import { JsonScan, type JsonVerdict, skipSpace } from "../json-scan.ts"

/** Bytes that are read in one slice: well under a millisecond. */
const SLICE_BYTES = 32_768

/** Result of reading a value: its bytes as they stand, or the bound that it exceeds. */
export type RawValue = Uint8Array | "too deep" | "too long"

/**
 * A cursor over the bytes of a JSON text, which moves as its owner asks: so the owner finds a wrong
 * or needless part before what follows it is read.
 */
export class JsonReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** True once only white space is left. */
  get isEnded(): boolean {
    return skipSpace(this.#bytes, this.#at) === this.#bytes.length
  }

  /** Passes a character, if it is next. White space before it is passed too. */
  take(char: string): boolean {
    this.#at = skipSpace(this.#bytes, this.#at)
    if (this.#bytes[this.#at] !== char.charCodeAt(0)) return false
    this.#at += 1
    return true
  }

  /** Passes a character. @throws {RequestError} another one is next. */
  expect(char: string): void {
    if (!this.take(char)) throw this.#notJson()
  }

  /**
   * Reads a value, slice by slice, of so many bytes and so deep at most.
   *
   * @throws {RequestError} it is not JSON.
   */
  *raw(bytesMax: number, depthMax: number): Generator<void, RawValue> {
    const start = skipSpace(this.#bytes, this.#at)
    const scan = new JsonScan(this.#bytes, start, depthMax)
    const length = () => scan.at - start
    let verdict: JsonVerdict = "more"
    while (verdict === "more" && length() <= bytesMax) {
      verdict = scan.run(Math.min(SLICE_BYTES, bytesMax - length() + 1))
      if (verdict === "more") yield
    }
    this.#at = scan.at
    if (verdict === "not JSON") throw this.#notJson()
    if (verdict === "too deep") return "too deep"
    return length() > bytesMax ? "too long" : this.#bytes.slice(start, scan.at)
  }

  /**
   * Reads a string, number or word of so many bytes of JSON at most; `undefined` for anything else.
   *
   * @throws {RequestError} it is not JSON.
   */
  *scalar(bytesMax: number): Generator<void, unknown> {
    const raw = yield* this.raw(bytesMax, 0)
    const text = typeof raw === "string" ? undefined : readUtf8(raw)
    return text === undefined ? undefined : JSON.parse(text)
  }

  /** Reads a string. @see scalar */
  *string(bytesMax: number): Generator<void, string | undefined> {
    const value = yield* this.scalar(bytesMax)
    return typeof value === "string" ? value : undefined
  }

  #notJson(): RequestError {
    return invalid(`the body is not JSON at byte ${this.#at}`)
  }
}
