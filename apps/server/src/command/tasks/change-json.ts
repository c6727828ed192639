import type { ValueKind } from "@headwater/protocol"
import type { TopicChange } from "./topic-state.ts"
import { valueJson } from "./value-text.ts"

/** Writes a change as JSON, its value spelled as the hub has it. */
export function changeJson(change: TopicChange, values: ValueKind, position: string): string {
  const { op } = change
  const { key, revision } = change.op === "put" ? change.entry : change
  const value = change.op === "put" ? `,"value":${valueJson(change.entry.value, values)}` : ""
  const head = `{"op":"${op}","key":${JSON.stringify(key)}${value}`
  return `${head},"revision":${revision},"position":"${position}"}`
}
