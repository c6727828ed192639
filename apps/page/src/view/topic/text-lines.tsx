import type { ComponentChildren } from "preact"
import { rowStyle, VirtualRows } from "../virtual-rows.tsx"

/** Above this number of lines only the visible ones are drawn, and none is wrapped. */
const LINES_MAX = 400

const LINE_HEIGHT = 20

/** The attributes of a box of code: as it scrolls, it is a region that takes the keys. */
export function codeBox(label: string) {
  return { role: "region", tabIndex: 0, "aria-label": label } as const
}

interface TextLinesProps {
  readonly count: number
  /** A line is too long to be wrapped in reasonable time. */
  readonly isLong?: boolean
  readonly wraps?: boolean
  readonly line: (index: number) => ComponentChildren
}

/** Lines of code: wrapped while they are few, else drawn where they are seen. */
export function TextLines({ count, isLong, wraps = true, line }: TextLinesProps) {
  if (count <= LINES_MAX) {
    return (
      <pre class="code" data-wraps={wraps && !isLong} {...codeBox("Value")}>
        {Array.from({ length: count }, (_, index) => (
          <code key={index}>{line(index)}</code>
        ))}
      </pre>
    )
  }
  return (
    <VirtualRows
      count={count}
      rowHeight={LINE_HEIGHT}
      className="code"
      box={codeBox("Value")}
      row={(index) => (
        <code key={index} class="code-row" style={rowStyle(index, LINE_HEIGHT)}>
          {line(index)}
        </code>
      )}
    />
  )
}
