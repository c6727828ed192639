import { parseTokenFile, type TokenTable } from "../access/token-file.ts"
import type { Log } from "../log.ts"
import { fileStamp } from "../runtime/file-stamp.ts"
import type { Runtime } from "../runtime/runtime.ts"
import type { AccessConfig } from "./access-config.ts"
import { ConfigError } from "./config-error.ts"

/**
 * Interval at which the file is looked at, in ms: with `CUT_MS`, a change acts within a second. A
 * watch misses the swap of a volume's link.
 */
const LOOK_MS = 250

/**
 * The token file of a hub. A changed file that is valid counts at once. Any other change, such as a
 * file that is half written or deleted, keeps the grants as they are, and is logged once; the next
 * change is tried again.
 */
export class TokenFile {
  readonly #runtime: Pick<Runtime, "readText">
  readonly #path: string
  readonly #isAnonymousChosen: boolean
  readonly #log: Log
  #timer: ReturnType<typeof setInterval> | undefined
  #stamp = ""
  #text = ""
  #loading: Promise<void> = Promise.resolve()

  constructor(runtime: Pick<Runtime, "readText">, config: AccessConfig, log: Log) {
    this.#runtime = runtime
    this.#path = config.tokens!
    this.#isAnonymousChosen = config.anonymous !== undefined
    this.#log = log
  }

  /** Reads the file for the first time. @throws {ConfigError} it cannot be used. */
  async read(): Promise<TokenTable> {
    try {
      this.#stamp = await fileStamp(this.#path)
      return this.#parse(await this.#runtime.readText(this.#path))
    } catch (error) {
      throw new ConfigError(`--tokens ${this.#path}: ${(error as Error).message}`)
    }
  }

  /** Looks for changes from now on, and hands each new table over. */
  watch(onTable: (table: TokenTable) => Promise<void>): void {
    const look = () => {
      this.#loading = this.#loading.then(() => this.#reload(onTable))
      this.#loading.catch((error) => this.#log("reading the token file failed", { error }))
    }
    this.#timer = setInterval(look, LOOK_MS)
  }

  /** Stops looking. */
  close(): void {
    clearInterval(this.#timer)
  }

  async #reload(onTable: (table: TokenTable) => Promise<void>): Promise<void> {
    const stamp = await fileStamp(this.#path)
    if (stamp === this.#stamp) return
    this.#stamp = stamp
    let table: TokenTable
    try {
      const text = await this.#runtime.readText(this.#path)
      if (text === this.#text) return
      table = this.#parse(text)
    } catch (error) {
      const { message } = error as Error
      this.#log(`the grants stay as they are: --tokens ${this.#path}: ${message}`)
      return
    }
    const ended = onTable(table)
    this.#log(`the grants are those that ${this.#path} has now`)
    // A further change is not to wait for streams that take no bytes.
    ended.catch((error) => this.#log("ending changed grants failed", { error }))
  }

  #parse(text: string): TokenTable {
    const table = parseTokenFile(text)
    if (table.anonymous !== undefined && this.#isAnonymousChosen) {
      throw new Error('"anonymous" in the file and --allow-anonymous exclude each other')
    }
    this.#text = text
    return table
  }
}
