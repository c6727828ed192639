import { signal } from "@preact/signals"

const TOKEN_ITEM = "headwater.token"

/** The token of this session; empty without one. Kept until the tab is closed, and no longer. */
export const token = signal(readToken())

/** The hub refused the present token, or asks for one: the page shows the login. */
export const isTokenAsked = signal(false)

/** Uses a token from now on. An empty one signs out. */
export function setToken(text: string): void {
  token.value = text
  isTokenAsked.value = false
  try {
    if (text === "") sessionStorage.removeItem(TOKEN_ITEM)
    else sessionStorage.setItem(TOKEN_ITEM, text)
  } catch {
    // Storage is switched off: the token is kept in memory.
  }
}

function readToken(): string {
  try {
    return globalThis.sessionStorage?.getItem(TOKEN_ITEM) ?? ""
  } catch {
    return ""
  }
}
