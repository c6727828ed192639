import { signal } from "@preact/signals"

/** The parts of a topic's page. */
export const TABS = ["keys", "changes", "readers", "proof"] as const

/** One of the parts of a topic's page. */
export type Tab = (typeof TABS)[number]

/**
 * The address within the page, in the fragment: `#/topic/services/keys?key=web%2F1`. A fragment is
 * sent to no hub and to no proxy, so keys stay out of their logs.
 */
export interface Route {
  /** Undefined on the overview. */
  readonly topic?: string | undefined
  readonly tab: Tab
  /** The key whose value is shown. */
  readonly key?: string | undefined
  /** The search text of the list that the tab shows. */
  readonly find?: string | undefined
  /** The prefix by which a large topic is browsed. */
  readonly prefix?: string | undefined
  readonly layout: "tree" | "list"
}

const OVERVIEW: Route = { tab: "keys", layout: "tree" }

/** Reads a fragment. Whatever it does not know is the overview, or the default of a field. */
export function parseRoute(fragment: string): Route {
  const [path = "", search = ""] = fragment.replace(/^#?\/?/, "").split("?")
  const [word, name, tab] = path.split("/")
  if (word !== "topic" || !name) return OVERVIEW
  const query = new URLSearchParams(search)
  const text = (field: string) => query.get(field) || undefined
  return {
    topic: decode(name),
    tab: TABS.find((known) => known === tab) ?? "keys",
    key: text("key"),
    find: text("find"),
    prefix: text("prefix"),
    layout: text("layout") === "list" ? "list" : "tree",
  }
}

/** Writes a route as a fragment, which `parseRoute` reads back. */
export function formatRoute({ topic, tab, key, find, prefix, layout }: Route): string {
  if (topic === undefined) return "#/"
  const query = new URLSearchParams()
  if (key) query.set("key", key)
  if (find) query.set("find", find)
  if (prefix) query.set("prefix", prefix)
  if (layout === "list") query.set("layout", layout)
  const search = query.toString().replaceAll("%2F", "/").replaceAll("%3A", ":")
  return `#/topic/${encodeURIComponent(topic)}/${tab}${search && `?${search}`}`
}

/** The present route. */
export const route = signal(parseRoute(globalThis.location?.hash ?? ""))

/** The fragment of the present route with some fields changed. */
export function linkTo(change: Partial<Route>): string {
  return formatRoute({ ...route.value, ...change })
}

/** Goes to another route; `replace` makes no step to go back to, as for letters of a search. */
export function goTo(change: Partial<Route>, how: "push" | "replace" = "push"): void {
  const fragment = linkTo(change)
  if (fragment === location.hash) return
  if (how === "push") history.pushState(null, "", fragment)
  else history.replaceState(null, "", fragment)
  route.value = parseRoute(fragment)
}

/** Follows the browser's own steps back and forth, and links. */
export function followAddress(): void {
  addEventListener("popstate", () => {
    route.value = parseRoute(location.hash)
  })
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
