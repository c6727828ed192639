import type { Config } from "../config.ts"
import type { SettingValues } from "../settings/table.ts"

/** Settings as a reload found them. */
export interface NewSettings {
  readonly values: SettingValues
  readonly config: Config
}

/** A change that is ready to be made. */
export interface ReloadStep {
  /** Names it for the log: `topics added: b`. Absent where the part logs it itself. */
  readonly change?: string
  /** Makes it. Every step of a reload is ready by then, so it should not fail. */
  apply(): void | Promise<void>
  /** Frees what was opened for it, when another part refused the reload. */
  discard?(): Promise<void>
}

/**
 * A part of a running hub that takes new settings, or reads its own files again.
 *
 * A reload first prepares every part, and only then changes any: one refusal leaves all as it was.
 */
export interface ReloadPart {
  /** Files whose change asks for a reload, beside the settings file. */
  files?(): readonly string[]
  /**
   * Returns the change to be made, or `undefined` where there is none.
   *
   * @throws the reason why the reload is refused, as one line.
   */
  prepare(settings: NewSettings): Promise<ReloadStep | undefined>
}
