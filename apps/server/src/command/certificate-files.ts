import type { Log } from "../log.ts"
import { checkCertificate } from "../runtime/certificate.ts"
import { fileStamp } from "../runtime/file-stamp.ts"
import type { Certificate, Runtime } from "../runtime/runtime.ts"
import { ConfigError } from "./config-error.ts"

/** Interval at which the files are looked at, in ms. A watch misses the swap of a volume's link. */
const LOOK_MS = 500

/** The files of a certificate, by path. */
export interface CertificatePaths {
  readonly cert: string
  readonly key: string
}

/** Shows another certificate to new connections. */
export type ReplaceCertificate = (certificate: Certificate) => Promise<void>

/**
 * The certificate of a hub in its files. While it is watched, a changed pair that fits is shown to
 * new connections; any other change keeps the pair that is shown, and is logged once.
 */
export class CertificateFiles {
  readonly #runtime: Pick<Runtime, "readText">
  readonly #paths: CertificatePaths
  readonly #log: Log
  readonly #timer = new AbortController()
  #stamp = ""
  #shown: Certificate | undefined
  #replace: ReplaceCertificate | undefined
  #loading: Promise<void> = Promise.resolve()

  constructor(runtime: Pick<Runtime, "readText">, paths: CertificatePaths, log: Log) {
    this.#runtime = runtime
    this.#paths = paths
    this.#log = log
  }

  /** Reads the files for the first time. @throws {ConfigError} they are no pair, or unreadable. */
  async read(): Promise<Certificate> {
    try {
      this.#stamp = await this.#stampNow()
      return await this.#load()
    } catch (error) {
      throw new ConfigError((error as Error).message)
    }
  }

  /** Looks for changes from now on, and hands a new pair over. */
  watch(replace: ReplaceCertificate): void {
    this.#replace = replace
    const timer = setInterval(() => {
      this.reload().catch((error) => this.#log("reading the certificate failed", { error }))
    }, LOOK_MS)
    this.#timer.signal.addEventListener("abort", () => clearInterval(timer))
  }

  /** Looks for a change now. Resolves when it is shown, or refused and logged. */
  reload(): Promise<void> {
    this.#loading = this.#loading.then(() => this.#reload())
    return this.#loading
  }

  /** Stops looking. */
  close(): void {
    this.#timer.abort()
  }

  async #reload(): Promise<void> {
    const stamp = await this.#stampNow()
    if (stamp === this.#stamp || this.#timer.signal.aborted) return
    this.#stamp = stamp
    const before = this.#shown
    try {
      const certificate = await this.#load()
      if (before?.cert === certificate.cert && before.key === certificate.key) return
      await this.#replace?.(certificate)
      this.#log(`new connections get the certificate that ${this.#paths.cert} has now`)
    } catch (error) {
      this.#shown = before
      this.#log(`the certificate stays as it is: ${(error as Error).message}`)
    }
  }

  async #load(): Promise<Certificate> {
    const { cert: certPath, key: keyPath } = this.#paths
    const cert = await this.#text("tls-cert", certPath)
    const key = await this.#text("tls-key", keyPath)
    let expiresAt: number
    try {
      expiresAt = checkCertificate({ cert, key })
    } catch (error) {
      throw new Error(`--tls-cert ${certPath}, --tls-key ${keyPath}: ${(error as Error).message}`)
    }
    if (expiresAt <= Date.now()) {
      this.#log(`the certificate in ${certPath} expired on ${new Date(expiresAt).toISOString()}`)
    }
    this.#shown = { cert, key }
    return this.#shown
  }

  async #text(flag: string, path: string): Promise<string> {
    try {
      return await this.#runtime.readText(path)
    } catch (error) {
      throw new Error(`--${flag} ${path} cannot be read: ${(error as Error).message}`)
    }
  }

  async #stampNow(): Promise<string> {
    return `${await fileStamp(this.#paths.cert)} ${await fileStamp(this.#paths.key)}`
  }
}
