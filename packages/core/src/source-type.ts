import type { Clock } from "./clock.ts"
import type { Source } from "./source.ts"

/**
 * A kind of source that an operator names as `SCHEME:…?OPTION=VALUE`. The folder of a source
 * exports one; the command line, its help and its errors loop over all of them.
 *
 * @typeParam Fetch the platform's `fetch`, which this package does not name.
 */
export interface SourceType<Fetch = unknown> {
  /** With their colon, in the order of help: `etcd:`, `etcds:`. */
  readonly schemes: readonly string[]
  /** When a topic of it can be written. Every topic may say `write=1` or `write=0`. */
  readonly writes: "unless-refused" | "if-asked" | "never"
  /** Its forms, for help: `sqlite:PATH`, and one line on what that is. */
  readonly forms: readonly HelpRow[]
  /** Its options beside `values` and `write`. */
  readonly options: readonly SourceOption[]
  /** Variables of the environment that it reads, for help. */
  readonly variables: readonly HelpRow[]
  /**
   * Reads a source as an operator wrote it. Pure.
   *
   * @throws {OptionError} with one line on what is wrong, which never repeats a credential.
   */
  parse(named: SourceName): NamedSource<Fetch>
}

/** A row of help: what to write, and what it means. */
export type HelpRow = readonly [form: string, meaning: string]

/** An option in the query of a source. */
export interface SourceOption {
  readonly name: string
  /** The values that it takes. */
  readonly pattern: RegExp
  /** For help and errors: `reads=serializable`. */
  readonly help: HelpRow
}

/** A source as an operator wrote it, taken apart. */
export interface SourceName {
  /** With its colon. */
  readonly scheme: string
  /** Everything between the scheme and the query: `//127.0.0.1:2379/services/`. */
  readonly rest: string
  /** The options of its own that were given; each value fits its pattern. */
  readonly options: ReadonlyMap<string, string>
  readonly write: boolean
}

/** A source that can be opened. */
export interface NamedSource<Fetch = unknown> {
  /** For the greeting: `sqlite`. */
  readonly kind: string
  /**
   * Opens the source.
   *
   * @throws {SourceError | OptionError} with one line: a file or a variable cannot be used.
   */
  open(context: SourceContext<Fetch>): Promise<Source>
  /** The absolute path of the file that keeps an opened source; absent where none does. */
  readonly fileOf?: (source: Source) => string
}

/** The surroundings that a source may ask for while it is opened. */
export interface SourceContext<Fetch = unknown> {
  readonly clock: Clock
  readonly values: "json" | "text" | "binary"
  /** Logs a line that an operator should read. */
  warn(line: string): void
  /** A variable of the environment; `undefined` where it is not set. */
  variable(name: string): string | undefined
  /**
   * A secret of the environment: the text of the variable, or of the file that `NAME_FILE` names,
   * read anew at each use; `undefined` where neither is set.
   *
   * @throws {OptionError} both are set, or the file cannot be read.
   */
  secret(name: string): Promise<SourceSecret | undefined>
  /**
   * A secret in a file, read anew at each use.
   *
   * @param named the option or variable that names the file, for errors.
   * @throws {OptionError} the file cannot be read.
   */
  secretFile(path: string, named: string): Promise<SourceSecret>
  /**
   * A `fetch` that uses the PEM files of `PREFIX_CA_FILE`, `PREFIX_CERT_FILE` and
   * `PREFIX_KEY_FILE`, also after they were renewed; `undefined` where none is set.
   *
   * @throws {OptionError} a file cannot be read, or of certificate and key only one is set.
   */
  fetchWith(prefix: string): Promise<Fetch | undefined>
}

/** A secret, or a function that reads it. That rejects with an `AccessError` while it cannot. */
export type SourceSecret = string | (() => Promise<string>)
