import type { Log } from "../../log.ts"
import type { Runtime } from "../../runtime/runtime.ts"
import { readConfig } from "../config.ts"
import type { HubSettings } from "../settings/read-settings.ts"
import type { Setting } from "../settings/setting.ts"
import { SETTINGS } from "../settings/table.ts"
import { watchFiles } from "./file-watch.ts"
import type { ReloadPart, ReloadStep } from "./reload-part.ts"

/** The surroundings of a reloader. */
export interface ReloaderContext {
  readonly log: Log
  /** Reads all settings anew. @throws {ConfigError} they are wrong. */
  readonly read: () => Promise<HubSettings>
  /** Gets errors that are bugs: a prepared change failed. */
  readonly report: (what: string, error: unknown) => void
}

/**
 * Takes settings and files of a running hub anew: at SIGHUP, and when a file changed.
 *
 * One reload runs at a time, and any number of requests meanwhile become one more. Wrong settings
 * change nothing. Every outcome is one line of the log; a setting that only a restart changes is
 * named in another.
 */
export class Reloader {
  readonly #context: ReloaderContext
  readonly #parts: ReloadPart[] = []
  #effective: HubSettings
  #running: Promise<void> = Promise.resolve()
  #waiting: Promise<void> | undefined
  #closed = false

  /** @param effective the settings that the hub was started with. */
  constructor(effective: HubSettings, context: ReloaderContext) {
    this.#effective = effective
    this.#context = context
  }

  /** Adds a part that takes reloads. Parts are prepared, and then changed, in this order. */
  onReload(part: ReloadPart): void {
    this.#parts.push(part)
  }

  /** Files whose change asks for a reload. */
  get files(): readonly string[] {
    const { config } = this.#effective.values
    const ofParts = this.#parts.flatMap((part) => part.files?.() ?? [])
    return [...new Set([...(config === undefined ? [] : [config]), ...ofParts])]
  }

  /**
   * Reloads. Resolves when that is done or refused; never rejects.
   *
   * @param why for the log: `SIGHUP`, or the file that changed.
   */
  reload(why: string): Promise<void> {
    if (this.#waiting !== undefined) return this.#waiting
    const waiting = this.#running.then(() => {
      this.#waiting = undefined
      return this.#closed ? undefined : this.#reload(why)
    })
    this.#waiting = waiting
    this.#running = waiting
    return waiting
  }

  /**
   * Reloads from now on at SIGHUP and when a file changes. Returns a function that stops it, and
   * resolves when a running reload has ended.
   */
  begin(runtime: Pick<Runtime, "onHangup">): () => Promise<void> {
    runtime.onHangup(() => {
      this.reload("SIGHUP").catch(() => {})
    })
    const stop = new AbortController()
    const changed = (file: string) => this.reload(`${file} changed`)
    const watching = watchFiles(() => this.files, changed, stop.signal)
    return async () => {
      this.#closed = true
      stop.abort()
      await watching
      await this.#running
    }
  }

  async #reload(why: string): Promise<void> {
    const { log, read } = this.#context
    const steps: ReloadStep[] = []
    let settings: HubSettings
    try {
      settings = await read()
      const config = readConfig(settings.values)
      for (const part of this.#parts) {
        const step = await part.prepare({ values: settings.values, config })
        if (step !== undefined) steps.push(step)
      }
    } catch (error) {
      await Promise.all(steps.map((step) => this.#guard("a discard", () => step.discard?.())))
      const [line] = (error instanceof Error ? error.message : String(error)).split("\n")
      log(`reload refused, nothing was changed (${why}): ${line}`, {}, "error")
      return
    }
    for (const step of steps) {
      await this.#guard(`reloading ${step.change ?? "a part"}`, () => step.apply())
    }
    const kept = changedNames(this.#effective, settings).filter((name) => !reloads(name))
    const changes = steps.flatMap(({ change = [] }) => change).join("; ")
    log(changes === "" ? `reloaded (${why}): nothing changed` : `reloaded (${why}): ${changes}`)
    if (kept.length > 0) {
      log(`restart the hub to change ${kept.join(", ")}: a reload does not`, {}, "warn")
    }
    this.#effective = withKept(this.#effective, settings, kept)
  }

  async #guard(what: string, task: () => void | Promise<void> | undefined): Promise<void> {
    try {
      await task()
    } catch (error) {
      this.#context.report(`${what} failed`, error)
    }
  }
}

function reloads(name: string): boolean {
  return (SETTINGS as Readonly<Record<string, Setting>>)[name]?.reloads === true
}

/** Returns the names of settings that have another value now. */
export function changedNames(before: HubSettings, after: HubSettings): string[] {
  const textOf = (settings: HubSettings, name: string) =>
    JSON.stringify((settings.values as Readonly<Record<string, unknown>>)[name])
  return Object.keys(SETTINGS).filter((name) => textOf(before, name) !== textOf(after, name))
}

// The hub still has the old values of these, so the next reload names them again.
function withKept(before: HubSettings, after: HubSettings, kept: readonly string[]): HubSettings {
  const pick = (from: object) =>
    Object.fromEntries(Object.entries(from).filter(([name]) => kept.includes(name)))
  return {
    values: { ...after.values, ...pick(before.values) },
    found: { ...after.found, ...pick(before.found) },
  }
}
