import type { HubSettings } from "./read-settings.ts"
import { SETTINGS } from "./table.ts"

/** Settings as an operator would write them, by name. No setting is a secret. */
export type SettingTexts = Readonly<Record<string, string | readonly string[]>>

/** Returns every setting that has a value. */
export function allSettings({ values }: HubSettings): SettingTexts {
  const texts: Record<string, string | readonly string[]> = {}
  for (const [name, { type }] of Object.entries(SETTINGS)) {
    const value: unknown = values[name as keyof typeof values]
    const format = (one: unknown) => type.format(one as never)
    if (value !== undefined) texts[name] = Array.isArray(value) ? value.map(format) : format(value)
  }
  return texts
}

/** Returns the settings that an operator chose. */
export function chosenSettings(settings: HubSettings): SettingTexts {
  const isChosen = (name: string) =>
    settings.found[name as keyof typeof SETTINGS].origin !== "default"
  return Object.fromEntries(
    Object.entries(allSettings(settings)).filter(([name]) => isChosen(name)),
  )
}
