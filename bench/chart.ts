import { formatNumber, formatSize } from "./format.ts"
import type { Row } from "./rows.ts"
import type { Scenario } from "./scenario.ts"

/** Colours of a chart, to be read on the page that it stands on. */
export interface Theme {
  readonly name: "light" | "dark"
  readonly text: string
  readonly faint: string
  readonly ours: string
  readonly control: string
  readonly peer: string
}

/** Both are told apart by lightness too, for those who do not see the hue. */
export const themes: readonly Theme[] = [
  {
    name: "light",
    text: "#1f2328",
    faint: "#59636e",
    ours: "#0b62c4",
    control: "#7a828b",
    peer: "#c3c9d0",
  },
  {
    name: "dark",
    text: "#e6edf3",
    faint: "#9aa4af",
    ours: "#4ea1ff",
    control: "#8b949e",
    peer: "#484f58",
  },
]

const NAME_WIDTH = 132
const CELL_WIDTH = 176
const NUMBER_WIDTH = 46
const BAR_HEIGHT = 11
const BAR_STEP = 15
const TITLE_HEIGHT = 40
const MARGIN = 12

/**
 * A scenario as small multiples: a row of panels for each operation at the largest size, a column
 * for each runtime, a bar for each subject. Bars of one row share a scale, which begins at 0; a
 * number stands at each. The thin line is the spread, p05 to p95.
 *
 * @param title what stands above it, where the scenario's name would say too little.
 */
export function chartOf(
  scenario: Scenario,
  rows: readonly Row[],
  theme: Theme,
  title?: string,
): string {
  const size = Math.max(...rows.map((row) => row.size))
  const shown = rows.filter((row) => row.size === size)
  const runtimes = [...new Set(shown.map(({ runtime }) => runtime))]
  const operations = [...new Set(shown.map(({ operation }) => operation))]
  const parts: string[] = []
  let y = MARGIN + 34
  for (const operation of operations) {
    const group = shown.filter((row) => row.operation === operation)
    parts.push(panelsOf(group, runtimes, theme, y))
    y += TITLE_HEIGHT + new Set(group.map(({ subject }) => subject)).size * BAR_STEP
  }
  const width = MARGIN * 2 + NAME_WIDTH + runtimes.length * CELL_WIDTH
  const counted = size > 1 ? `, ${formatSize(size)}` : ""
  const heading = `${title ?? `${scenario.name}${counted}`}: less is better`
  const columns = runtimes.map((runtime, column) =>
    textOf({ x: xOf(column), y: MARGIN + 26, fill: theme.faint }, runtime),
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}"`,
    ` viewBox="0 0 ${width} ${y}"`,
    ` font-family="ui-sans-serif, system-ui, sans-serif" font-size="11" role="img">`,
    `<title>${escapeXml(`${heading}. ${scenario.question}`)}</title>`,
    textOf({ x: MARGIN, y: MARGIN + 6, fill: theme.text, weight: 600, size: 13 }, heading),
    ...columns,
    ...parts,
    "</svg>\n",
  ].join("\n")
}

function panelsOf(rows: readonly Row[], runtimes: readonly string[], theme: Theme, top: number) {
  const subjects = [...new Set(rows.map(({ subject }) => subject))]
  const most = Math.max(...rows.map(({ median }) => median), Number.MIN_VALUE)
  const [first] = rows
  const title = `${first?.operation} · ${first?.unit}`
  const parts = [textOf({ x: MARGIN, y: top + 20, fill: theme.text, weight: 600 }, title)]
  subjects.forEach((subject, line) => {
    const y = top + 28 + line * BAR_STEP
    const fill = line === 0 ? theme.text : theme.faint
    parts.push(textOf({ x: MARGIN, y: y + 9, fill }, subject))
    runtimes.forEach((runtime, column) => {
      const row = rows.find((one) => one.subject === subject && one.runtime === runtime)
      if (row) parts.push(barOf(row, { x: xOf(column), y, most, theme, isOurs: line === 0 }))
    })
  })
  return parts.join("\n")
}

interface Bar {
  readonly x: number
  readonly y: number
  /** The value that is as wide as a bar can be. */
  readonly most: number
  readonly theme: Theme
  readonly isOurs: boolean
}

function barOf(row: Row, { x, y, most, theme, isOurs }: Bar): string {
  const room = CELL_WIDTH - NUMBER_WIDTH - 12
  const widthOf = (value: number) =>
    Number(Math.min(room, Math.max(0, (value / most) * room)).toFixed(1))
  const width = Math.max(1, widthOf(row.median))
  const isControl = row.subject === row.control
  const fill = isOurs ? theme.ours : isControl ? theme.control : theme.peer
  const middle = y + BAR_HEIGHT / 2
  const [from, to] = [x + widthOf(row.p05), x + widthOf(row.p95)]
  const ends = `x1="${from}" x2="${to}" y1="${middle}" y2="${middle}"`
  const spread = `<line ${ends} stroke="${theme.faint}"/>`
  return [
    `<rect x="${x}" y="${y}" width="${width}" height="${BAR_HEIGHT}" rx="1" fill="${fill}"/>`,
    to - from > 2 ? spread : "",
    textOf(
      { x: Math.max(x + width, to) + 4, y: y + 9, fill: isOurs ? theme.text : theme.faint },
      formatNumber(row.median),
    ),
  ].join("")
}

interface TextPlace {
  readonly x: number
  readonly y: number
  readonly fill: string
  readonly weight?: number
  readonly size?: number
}

function textOf({ x, y, fill, weight, size }: TextPlace, text: string): string {
  const more = `${weight ? ` font-weight="${weight}"` : ""}${size ? ` font-size="${size}"` : ""}`
  return `<text x="${x}" y="${y}" fill="${fill}"${more}>${escapeXml(text)}</text>`
}

function xOf(column: number): number {
  return MARGIN + NAME_WIDTH + column * CELL_WIDTH
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
}
