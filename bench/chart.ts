import { BarChart, CustomChart } from "echarts/charts"
import { GridComponent, TitleComponent } from "echarts/components"
import { type EChartsCoreOption, init, use } from "echarts/core"
import { SVGRenderer } from "echarts/renderers"
import { formatNumber, formatSize } from "./format.ts"
import type { Row } from "./rows.ts"
import type { Scenario } from "./scenario.ts"

use([BarChart, CustomChart, GridComponent, TitleComponent, SVGRenderer])

/** Colours of a chart, to be read on the page that it stands on. */
export interface Theme {
  readonly name: "light" | "dark"
  readonly text: string
  readonly faint: string
  readonly ours: string
  readonly control: string
  readonly peer: string
}

/** They differ in lightness too, for readers who do not see the hue. */
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

const NAME_WIDTH = 144
const PANEL_WIDTH = 176
/** Room beside the longest bar, for its number. */
const NUMBER_WIDTH = 58
const BAR_HEIGHT = 11
const BAR_STEP = 15
const TITLE_HEIGHT = 40
const HEAD_HEIGHT = 46
const MARGIN = 12
const FONT = "ui-sans-serif, system-ui, sans-serif"

/**
 * A scenario as small multiples: a row of panels for each operation at the largest size, a column
 * for each runtime, a bar for each subject. Bars of one row share a scale, which begins at 0; a
 * number stands at each. The thin line is the spread, p05 to p95. Drawn by Apache ECharts, as SVG.
 *
 * @param title the heading, where the scenario's name alone is unclear.
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
  const counted = size > 1 ? `, ${formatSize(size)}` : ""
  const heading = `${title ?? `${scenario.name}${counted}`}: less is better`
  const layout: Layout = { theme, runtimes, panels: [], titles: [] }
  addTitle(layout, heading, { top: MARGIN - 4, size: 13 })
  runtimes.forEach((runtime, column) => {
    addTitle(layout, runtime, { top: MARGIN + 16, left: leftOf(column), isFaint: true })
  })
  let top = HEAD_HEIGHT
  for (const operation of new Set(shown.map(({ operation }) => operation))) {
    top += addPanels(
      layout,
      shown.filter((row) => row.operation === operation),
      top,
    )
  }
  const width = MARGIN * 2 + NAME_WIDTH + runtimes.length * PANEL_WIDTH
  return draw(layout, { width, height: top }, `${heading}. ${scenario.question}`)
}

/** The parts of a chart: a grid, two axes and two series a panel. */
interface Layout {
  readonly theme: Theme
  readonly runtimes: readonly string[]
  readonly panels: Panel[]
  readonly titles: object[]
}

/** Bars of one operation on one runtime. */
interface Panel {
  readonly left: number
  readonly top: number
  /** From above; the first is ours. */
  readonly subjects: readonly string[]
  readonly rows: readonly (Row | undefined)[]
  /** The value that is as wide as a bar can be. */
  readonly most: number
}

/** @returns how much higher the chart is with them. */
function addPanels(layout: Layout, rows: readonly Row[], top: number): number {
  const subjects = [...new Set(rows.map(({ subject }) => subject))]
  const most = Math.max(...rows.map(({ median }) => median), Number.MIN_VALUE)
  addTitle(layout, `${rows[0]?.operation} · ${rows[0]?.unit}`, { top: top + 8 })
  layout.runtimes.forEach((runtime, column) => {
    const own = subjects.map((subject) =>
      rows.find((row) => row.subject === subject && row.runtime === runtime),
    )
    layout.panels.push({ left: leftOf(column), top: top + 28, subjects, rows: own, most })
  })
  return TITLE_HEIGHT + subjects.length * BAR_STEP
}

interface TitlePlace {
  readonly top: number
  readonly left?: number
  readonly size?: number
  readonly isFaint?: boolean
}

function addTitle({ theme, titles }: Layout, text: string, place: TitlePlace): void {
  const { top, left = MARGIN, size: fontSize = 11, isFaint = false } = place
  const [color, fontWeight] = isFaint ? [theme.faint, 400] : [theme.text, 600]
  titles.push({ text, top, left, padding: 0, textStyle: { color, fontWeight, fontSize } })
}

function draw(
  { theme, panels, titles }: Layout,
  size: { readonly width: number; readonly height: number },
  description: string,
): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, ...size })
  try {
    const option: EChartsCoreOption = {
      animation: false,
      textStyle: { fontFamily: FONT, fontSize: 11 },
      title: titles,
      grid: panels.map(gridOf),
      xAxis: panels.map(({ most }, gridIndex) => {
        return { gridIndex, type: "value", min: 0, max: most, show: false }
      }),
      yAxis: panels.map((panel, gridIndex) => ({ gridIndex, ...namesOf(panel, theme) })),
      series: panels.flatMap((panel, index) => {
        const axes = { xAxisIndex: index, yAxisIndex: index, silent: true }
        return [
          { ...axes, ...barsOf(panel, theme) },
          { ...axes, ...spreadsOf(panel, theme) },
        ]
      }),
    }
    chart.setOption(option)
    const [head, ...rest] = chart.renderToSVGString().split(/(?<=^<svg[^>]*>)/)
    return `${[head, `<title>${escapeXml(description)}</title>`, ...rest].join("\n")}\n`
  } finally {
    chart.dispose()
  }
}

function gridOf({ left, top, subjects }: Panel) {
  const width = PANEL_WIDTH - NUMBER_WIDTH
  return { left, top, width, height: subjects.length * BAR_STEP }
}

/** The axis of subjects, whose names stand beside the first panel of a row. */
function namesOf({ left, subjects }: Panel, theme: Theme) {
  const colorOf = (_name: string | undefined, at = 0) => (at === 0 ? theme.text : theme.faint)
  return {
    type: "category",
    inverse: true,
    data: subjects,
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: {
      show: left === leftOf(0),
      interval: 0,
      margin: NAME_WIDTH,
      align: "left",
      fontSize: 11,
      color: colorOf,
    },
  }
}

function barsOf({ rows }: Panel, theme: Theme) {
  const colorOf = (row: Row | undefined, at: number) =>
    at === 0 ? theme.ours : row?.subject === row?.control ? theme.control : theme.peer
  return {
    type: "bar",
    barWidth: BAR_HEIGHT,
    data: rows.map((row, at) => ({
      value: row === undefined ? "-" : Math.max(row.median, 0),
      itemStyle: { color: colorOf(row, at), borderRadius: 1 },
    })),
  }
}

/** A point as the library describes it, and its place in the drawing. */
interface PointApi {
  value(dimension: number): number
  coord(point: readonly [number, number]): [number, number]
}

/** For each bar the line from p05 to p95, cut at the end of the scale, and the number beyond. */
function spreadsOf({ rows, most }: Panel, theme: Theme) {
  const within = (value: number) => Math.min(Math.max(value, 0), most)
  const present = rows.flatMap((row, at) => (row === undefined ? [] : [{ row, at }]))
  return {
    type: "custom",
    z: 3,
    data: present.map(({ row, at }) => [
      within(row.p05),
      at,
      within(row.p95),
      Math.max(within(row.median), within(row.p95)),
    ]),
    renderItem({ dataIndex }: { dataIndex: number }, api: PointApi) {
      const { row, at } = present[dataIndex]!
      const [from, y] = api.coord([api.value(0), at])
      const [to] = api.coord([api.value(2), at])
      const [end] = api.coord([api.value(3), at])
      const fill = at === 0 ? theme.text : theme.faint
      const text = { text: formatNumber(row.median), font: `11px ${FONT}`, fill }
      const style = { ...text, x: end + 4, y, textVerticalAlign: "middle" }
      const line = { shape: { x1: from, x2: to, y1: y, y2: y }, style: { stroke: theme.faint } }
      const spread = to - from > 2 ? [{ type: "line", ...line }] : []
      return { type: "group", children: [...spread, { type: "text", style }] }
    },
  }
}

function leftOf(column: number): number {
  return MARGIN + NAME_WIDTH + column * PANEL_WIDTH
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
}
