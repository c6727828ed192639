import { chartOf, themes } from "./chart.ts"
import { formatNumber, formatSize } from "./format.ts"
import type { Results } from "./results.ts"
import type { Row } from "./rows.ts"
import type { Scenario } from "./scenario.ts"

/** A file of the report: its name, and what is in it. */
export interface ReportFile {
  readonly name: string
  readonly text: string
}

/** The report as Markdown, and its charts: one a scenario for each theme. */
export function reportOf(results: Results, scenarios: readonly Scenario[]): ReportFile[] {
  const present = scenarios.filter(({ name }) => rowsOf(results, name).length > 0)
  const charts = present.flatMap((scenario) =>
    themes.map((theme) => ({
      name: `${scenario.name}-${theme.name}.svg`,
      text: chartOf(scenario, rowsOf(results, scenario.name), theme),
    })),
  )
  const sections = present.map((scenario) => sectionOf(scenario, rowsOf(results, scenario.name)))
  const text = [headOf(results), ...sections].join("\n")
  return [{ name: "report.md", text }, ...charts]
}

function rowsOf({ rows }: Results, scenario: string): Row[] {
  return rows.filter((row) => row.scenario === scenario)
}

function headOf({ startedAt, size, seed, commit, machine, versions, failures }: Results): string {
  const memory = Math.round(machine.memoryBytes / 2 ** 30)
  const lines = [
    "# Benchmarks of Headwater",
    "",
    `${startedAt.slice(0, 10)} · commit ${commit} · size ${size} · seed ${seed}`,
    `${machine.cpu}, ${machine.cores} cores, ${memory} GiB, ${machine.system}`,
    "",
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(" · "),
    "",
    "Less is better in every table. Each cell is the median of all samples, with the spread from",
    "p05 to p95 as ± half of it; below it, how many times the control's. How to read it, and what",
    "the noise is: bench/README.md.",
    "",
  ]
  if (size === "smoke")
    lines.push("**A smoke run: it shows that all is right, and times nothing.**", "")
  if (failures.length > 0) lines.push("Failed:", "", ...failures.map((line) => `- ${line}`), "")
  return lines.join("\n")
}

function sectionOf(scenario: Scenario, rows: readonly Row[]): string {
  const { name, question, control } = scenario
  const [light, dark] = themes.map((theme) => `${name}-${theme.name}.svg`)
  const picture = [
    "<picture>",
    `  <source media="(prefers-color-scheme: dark)" srcset="${dark}">`,
    `  <img alt="${name}: ${question}" src="${light}">`,
    "</picture>",
  ]
  const tables = [...byOperation(rows)].map(([title, group]) => tableOf(title, group))
  const head = [`## ${name}`, "", `${question} The control is \`${control}\`.`, ""]
  return [...head, ...picture, "", ...tables].join("\n")
}

/** Rows of one operation at one size, under a title. */
function byOperation(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const title = `${row.operation}, ${formatSize(row.size)} (${row.unit})`
    groups.set(title, [...(groups.get(title) ?? []), row])
  }
  return groups
}

function tableOf(title: string, rows: readonly Row[]): string {
  const runtimes = [...new Set(rows.map(({ runtime }) => runtime))]
  const subjects = [...new Set(rows.map(({ subject }) => subject))]
  const lineOf = (subject: string) => {
    const cells = runtimes.map((runtime) =>
      cellOf(rows.find((row) => row.subject === subject && row.runtime === runtime)),
    )
    return `| ${subject} | ${cells.join(" | ")} |`
  }
  return [
    `### ${title}`,
    "",
    `| subject | ${runtimes.join(" | ")} |`,
    `|---|${runtimes.map(() => "---:|").join("")}`,
    ...subjects.map(lineOf),
    "",
  ].join("\n")
}

function cellOf(row: Row | undefined): string {
  if (row === undefined) return "–"
  const { median, p05, p95, ratioToControl, subject, control } = row
  const spread = median > 0 ? ` ± ${Math.round(((p95 - p05) / 2 / median) * 100)} %` : ""
  const ratio =
    ratioToControl === null || subject === control ? "" : `<br>${formatNumber(ratioToControl)} ×`
  return `${formatNumber(median)}${spread}${ratio}`
}
