import type { SettingType } from "./setting-type.ts"

/**
 * A setting of the command. Its name in the table is the name everywhere: `streams` is the flag
 * `--streams`, the key `streams` of the file, and the variable `HEADWATER_STREAMS`.
 */
export interface Setting<T = unknown> {
  readonly type: SettingType<T>
  /** The heading under which help and docs list it. */
  readonly group: SettingGroup
  /** One line; it begins with a lower-case letter and ends without a full stop. */
  readonly help: string
  /** As an operator would write it; absent where there is none. */
  readonly initial?: string
  /** The words of help for a default that is not one text. */
  readonly initially?: string
  /** True if it may be given more than once; then its value is a list. */
  readonly many?: true
  /** The variable, where it is not derived from the name. */
  readonly variable?: string
  /** True if a reload applies it to a running hub. */
  readonly reloads?: true
}

/** Headings of help, in their order. */
export const SETTING_GROUPS = [
  "Serving",
  "Access",
  "Readers",
  "Topics and memory",
  "Requests",
  "Stopping",
  "Operating",
  "Scheduling",
] as const

/** The heading of a group of settings. */
export type SettingGroup = (typeof SETTING_GROUPS)[number]

/** A table of settings, by name. */
export type Settings = Readonly<Record<string, Setting>>

/** The value of a setting. */
export type ValueOf<S> = S extends { readonly type: SettingType<infer T> }
  ? S extends { readonly many: true }
    ? readonly T[]
    : S extends { readonly initial: string }
      ? T
      : T | undefined
  : never

/** The values of a table of settings. */
export type ValuesOf<S> = { readonly [Name in keyof S]: ValueOf<S[Name]> }

/** Returns the name of a setting's environment variable: `HEADWATER_ALLOW_HOST`. */
export function variableOf(name: string, { variable }: Setting): string {
  return variable ?? `HEADWATER_${name.replaceAll("-", "_").toUpperCase()}`
}
