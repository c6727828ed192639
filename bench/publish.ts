import { readFileSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { chartOf, themes } from "./chart.ts"
import { numbersOf } from "./numbers.ts"
import { type Results, readResults } from "./results.ts"
import { loadScenario, scenarioNames } from "./scenarios.ts"

/** The marks around the README's section of benchmarks; the first names the results. */
const BEGIN = /^<!-- numbers from (\S+): npm run bench -- --publish \S+ -->$/m
const END = "<!-- end of numbers -->"

/**
 * Has the root README tell results: a chart, drawn beside them, and some numbers. What it told
 * before is replaced. From then on they are the baseline.
 *
 * @param path of the results, in the repository.
 */
export async function publish(path: string, root: URL): Promise<void> {
  const results = readResults(path)
  const named = relative(fileURLToPath(root), path)
  const folder = dirname(path)
  for (const { name, text } of await chartsOf(results)) writeFileSync(join(folder, name), text)
  const readme = new URL("README.md", root)
  writeFileSync(readme, replaceNumbers(readFileSync(readme, "utf8"), sectionOf(named, results)))
  console.log(`README.md tells ${named}, and ${relative(".", folder)} holds its chart`)
}

/** Absolute path of the results in the README. */
export function publishedPath(root: URL): string {
  const path = publishedIn(readFileSync(new URL("README.md", root), "utf8"))
  if (path === undefined)
    throw new Error("README.md tells no results yet: npm run bench -- --publish")
  return fileURLToPath(new URL(path, root))
}

/** The path of the results in a README; `undefined` where it has none. */
export function publishedIn(readme: string): string | undefined {
  return BEGIN.exec(readme)?.[1]
}

/** A README with other numbers: between the marks, or where there are none yet, at its place. */
export function replaceNumbers(readme: string, section: string): string {
  const begin = BEGIN.exec(readme)?.index ?? -1
  const end = readme.indexOf(END)
  if (begin >= 0 && end > begin) {
    return readme.slice(0, begin) + section + readme.slice(end + END.length + 1)
  }
  const at = readme.search(/^## How it works$/m)
  if (at < 0) throw new Error("README.md has no place for numbers: no heading How it works")
  return `${readme.slice(0, at)}## What it costs\n\n${section}\n${readme.slice(at)}`
}

/** The README's section of results, marks included. */
export function sectionOf(path: string, results: Results): string {
  const { machine, versions, startedAt, commit } = results
  const runtime = RUNTIMES.find((name) => results.rows.some((row) => row.runtime === name))
  const chart = (name: string) => `${dirname(path)}/readme-${name}.svg`
  const numbers = runtime === undefined ? [] : numbersOf(results, runtime)
  return [
    `<!-- numbers from ${path}: npm run bench -- --publish ${path} -->`,
    "<picture>",
    `  <source media="(prefers-color-scheme: dark)" srcset="${chart("dark")}">`,
    `  <img alt="CPU to deliver a change to one reader, beside peers" src="${chart("light")}">`,
    "</picture>",
    "",
    `On ${nameOf(runtime)} ${versions[runtime ?? ""]}, ${machine.cpu}, ${machine.cores} cores:`,
    "",
    ...numbers.map((sentence) => wrap(`- ${sentence}`)),
    "",
    `Medians of ${startedAt.slice(0, 10)} at ${commit}, by`,
    `\`${commandOf(results)}\`:`,
    `the whole [report](${dirname(path)}/report.md), and [how to read it](bench/README.md).`,
    END,
    "",
  ].join("\n")
}

/** The command that measures the same again. */
function commandOf({ rows }: Results): string {
  const on = [...new Set(rows.map((row) => row.runtime))].join(",")
  const ran = new Set(rows.map((row) => row.scenario))
  const some = scenarioNames.every((name) => ran.has(name))
    ? ""
    : ` --scenario ${[...ran].join(",")}`
  return `npm run bench -- --runtime ${on}${some}`
}

/** The runtime that the sentences are about: the first that was measured. */
const RUNTIMES = ["node24", "node22", "node", "bun", "deno"]

function nameOf(runtime = ""): string {
  if (runtime.startsWith("node")) return "Node"
  return runtime === "bun" ? "Bun" : "Deno"
}

/** An item of a list, on lines of a hundred columns. */
function wrap(item: string): string {
  const [first = "", ...words] = item.split(" ")
  const lines = [first]
  for (const word of words) {
    const line = `${lines.at(-1)} ${word}`
    if (line.length <= COLUMNS) lines[lines.length - 1] = line
    else lines.push(`  ${word}`)
  }
  return lines.join("\n")
}

const COLUMNS = 100

/** The chart of the README in both themes. */
async function chartsOf(results: Results): Promise<{ name: string; text: string }[]> {
  const scenario = await loadScenario("serve")
  const rows = results.rows.filter(
    (row) => row.scenario === "serve" && row.operation === "CPU per delivery",
  )
  return themes.map((theme) => ({
    name: `readme-${theme.name}.svg`,
    text: chartOf(scenario, rows, theme, "One change to each of 1,000 readers"),
  }))
}
