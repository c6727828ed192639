import { effect, signal } from "@preact/signals"

/** The colours of the page: the system's, or chosen here. */
export const THEMES = ["auto", "light", "dark"] as const

/** One of the choices of colours. */
export type Theme = (typeof THEMES)[number]

const THEME_ITEM = "headwater.theme"

/** The chosen colours, kept in this browser. */
export const theme = signal<Theme>(readTheme())

/** Shows the chosen colours, now and after each change. */
export function applyTheme(): void {
  effect(() => {
    const chosen = theme.value
    document.documentElement.dataset["theme"] = chosen
    try {
      if (chosen === "auto") localStorage.removeItem(THEME_ITEM)
      else localStorage.setItem(THEME_ITEM, chosen)
    } catch {
      // Storage is switched off: the choice holds until the page is closed.
    }
  })
}

function readTheme(): Theme {
  try {
    const kept = globalThis.localStorage?.getItem(THEME_ITEM)
    return THEMES.find((known) => known === kept) ?? "auto"
  } catch {
    return "auto"
  }
}
