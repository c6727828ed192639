import type { EntryChange, ReplicaEntry } from "@headwater/client"

/** A package as an entry of the topic; its name is the key. */
export interface PackageValue {
  readonly version: string
  readonly section: string
  readonly architecture: string
  readonly installedKb: number
  readonly description: string
}

/** A row of the search's result. What comes from the topic is only ever set as text. */
export function resultRow({ key, value }: ReplicaEntry<PackageValue>): HTMLElement {
  const row = element("li", "result")
  row.append(
    element("b", "name", key),
    element("code", "version", value.version),
    element("span", "section", value.section),
    element("span", "description", value.description),
  )
  return row
}

/** A row of the last changes. */
export function changeRow(change: EntryChange<PackageValue>): HTMLElement {
  const row = element("li", `change ${change.type}`)
  const { key } = change.type === "deleted" ? change.previous : change.entry
  row.append(element("span", "what", SIGNS[change.type]), element("b", "name", key))
  const versions = element("span", "versions")
  if (change.type !== "new") versions.append(element("code", "old", change.previous.value.version))
  if (change.type !== "deleted") {
    versions.append(element("code", "new", change.entry.value.version))
  }
  row.append(versions)
  return row
}

const SIGNS: Record<EntryChange["type"], string> = { new: "+", updated: "↑", deleted: "−" }

function element(tag: string, className: string, text = ""): HTMLElement {
  const made = document.createElement(tag)
  made.className = className
  made.textContent = text
  return made
}
