import { useMemo } from "preact/hooks"
import { diffLines, nearChanges } from "../../value/line-diff.ts"
import { codeBox } from "./text-lines.tsx"

/** Unchanged lines that are shown around a change. */
const CONTEXT = 3

const SIGNS = { both: " ", old: "−", new: "+" } as const

const NAMES = { both: "", old: "removed: ", new: "added: " } as const

/** The difference of two texts, line by line. */
export function DiffView({ before, after }: { readonly before: string; readonly after: string }) {
  const lines = useMemo(() => nearChanges(diffLines(before, after), CONTEXT), [before, after])
  return (
    <pre class="code diff" data-wraps {...codeBox("The change")}>
      {lines.map((line, at) =>
        line === undefined ? (
          <code key={at} data-side="gap">
            ⋯
          </code>
        ) : (
          <code key={at} data-side={line.side}>
            <span aria-hidden="true">{SIGNS[line.side]} </span>
            <span class="unseen">{NAMES[line.side]}</span>
            {line.text}
          </code>
        ),
      )}
    </pre>
  )
}
