import type { ReplicaEntry } from "@headwater/client"
import { useSignal } from "@preact/signals"
import { useMemo } from "preact/hooks"
import type { Exact } from "../../topic/exact-value.ts"
import type { TopicView } from "../../topic/topic-view.ts"
import { HEX_ROW_BYTES, hexRow, toBase64, toText } from "../../value/byte-text.ts"
import { type JsonLine, jsonLines, prettyJson } from "../../value/json-text.ts"
import { Icon } from "../icon.tsx"
import { copy } from "../notice.tsx"
import { TextLines } from "./text-lines.tsx"

/** The ways to show a value. */
type Form = "pretty" | "raw" | "text" | "hex" | "base64"

interface ValueViewProps {
  readonly view: TopicView
  readonly entry: ReplicaEntry | undefined
  readonly exact: Exact | undefined
  readonly isOnline: boolean
}

/** The whole value, in one of its forms. */
export function ValueView({ view, entry, exact, isOnline }: ValueViewProps) {
  const chosen = useSignal<Form | undefined>(undefined)
  const content = useMemo(() => contentOf(view, entry, exact), [view, exact, exact ? 0 : entry])
  if (content === undefined) return <p class="empty">Loading the value…</p>
  const forms = formsOf(view, content.text)
  const form = forms.find((known) => known === chosen.value) ?? forms[0]!
  return (
    <div class="value">
      <div class="tool-row">
        <fieldset class="segments">
          <legend class="unseen">Form of the value</legend>
          {forms.map((choice) => (
            <button
              key={choice}
              type="button"
              aria-pressed={choice === form}
              onClick={() => {
                chosen.value = choice
              }}
            >
              {choice}
            </button>
          ))}
        </fieldset>
        <span class="spring" />
        <button type="button" onClick={() => copy(textIn(form, content), `the value (${form})`)}>
          <Icon name="copy" />
          Copy
        </button>
      </div>
      {content.isParsed && !isOnline && (
        <p class="hint">As the page parsed it: the hub, which has the exact bytes, is gone.</p>
      )}
      <ValueText form={form} content={content} />
    </div>
  )
}

interface Content {
  readonly bytes: Uint8Array
  /** Undefined where the bytes are no UTF-8. */
  readonly text: string | undefined
  /** Made from the parsed value: not the exact bytes. */
  readonly isParsed: boolean
}

function contentOf(
  { values }: TopicView,
  entry: ReplicaEntry | undefined,
  exact: Exact | undefined,
): Content | undefined {
  if (exact) return { bytes: exact.bytes, text: toText(exact.bytes), isParsed: false }
  if (entry === undefined) return undefined
  const { value } = entry
  if (value instanceof Uint8Array) return { bytes: value, text: toText(value), isParsed: false }
  const text = values === "json" ? JSON.stringify(value) : String(value)
  return { bytes: new TextEncoder().encode(text), text, isParsed: values === "json" }
}

function formsOf({ values }: TopicView, text: string | undefined): readonly Form[] {
  if (values === "json") return ["pretty", "raw"]
  if (values === "text") return ["text"]
  return text === undefined ? ["hex", "base64"] : ["hex", "base64", "text"]
}

function textIn(form: Form, { bytes, text = "" }: Content): string {
  if (form === "pretty") return prettyJson(text)
  if (form === "base64") return toBase64(bytes)
  if (form !== "hex") return text
  return Array.from({ length: Math.ceil(bytes.length / HEX_ROW_BYTES) }, (_, row) =>
    hexRow(bytes, row),
  ).join("\n")
}

function ValueText({ form, content }: { readonly form: Form; readonly content: Content }) {
  const lines = useMemo(() => {
    if (form === "pretty") return jsonLines(content.text ?? "")
    if (form === "hex") return undefined
    return textIn(form, content).split("\n")
  }, [form, content])
  if (lines === undefined) {
    const { bytes } = content
    return (
      <TextLines
        count={Math.ceil(bytes.length / HEX_ROW_BYTES)}
        isLong={false}
        wraps={false}
        line={(row) => hexRow(bytes, row)}
      />
    )
  }
  const isLong = lines.some((line) => typeof line === "string" && line.length > 5_000)
  return (
    <TextLines
      count={lines.length}
      isLong={isLong}
      line={(index) => {
        const line = lines[index]!
        return typeof line === "string" ? line : <Tokens line={line} />
      }}
    />
  )
}

function Tokens({ line }: { readonly line: JsonLine }) {
  return (
    <>
      {"  ".repeat(line.indent)}
      {line.tokens.map(({ kind, text }, at) => (
        <span key={at} class={`token-${kind}`}>
          {text}
        </span>
      ))}
    </>
  )
}
