import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { metricsText } from "../../src/metrics/metrics-text.ts"
import { LocalHub } from "../support/local-hub.ts"

const DEPLOY = join(import.meta.dirname, "../../../../deploy")
const PAGE = join(import.meta.dirname, "../../../../docs/production.md")

/** Expressions of a dashboard, wherever they stand in it. */
function expressionsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(expressionsIn)
  if (typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([name, field]) =>
    typeof field === "string" && ["expr", "definition"].includes(name)
      ? [field]
      : expressionsIn(field),
  )
}

/** Names of metrics in an expression or a rule. */
function metricsIn(text: string): string[] {
  return [...text.matchAll(/\b(?:headwater|process)_[a-z_]+\b/g)].map(([name]) => name)
}

/** Names and labels of all series that a hub can tell, by the name of the series. */
function seriesIn(text: string): Map<string, Set<string>> {
  const series = new Map<string, Set<string>>()
  for (const [, name] of text.matchAll(/^# TYPE (\S+) /gm)) series.set(name!, new Set())
  for (const [, name, labels] of text.matchAll(/^([a-z_]+)(?:\{(.*)\})? \S+$/gm)) {
    const names = [...(labels ?? "").matchAll(/([a-z_]+)="/g)].map(([, label]) => label!)
    series.set(name!, new Set([...(series.get(name!) ?? []), ...names]))
  }
  return series
}

function promtool(args: readonly string[], input?: string): string {
  try {
    return execFileSync("promtool", args, { input, encoding: "utf8", stdio: "pipe" })
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    return `failed: ${stdout}${stderr}`
  }
}

const isInstalled = promtool(["--version"]).startsWith("prom")

describe("the files for Prometheus and Grafana", () => {
  let text: string
  let series: Map<string, Set<string>>

  beforeAll(async () => {
    const local = new LocalHub({ entries: [] })
    await local.settle()
    // Tallies of refusals and ends have no line before the first.
    await local.ask("/none")
    await (await (await local.stream()).caughtUp()).close()
    await local.settle()
    const facts = { version: "0", runtime: "node", runtimeVersion: "20" }
    const usage = () => ({ cpuSeconds: 1, residentBytes: 1, startedAt: 1 })
    const scraped = metricsText(local.hub, "prometheus", { ...facts, usage })
    await local.settle()
    text = await scraped
    series = seriesIn(text)
    await local.close()
  })

  test("every expression of grafana.json is of metrics that a hub has", () => {
    const dashboard = JSON.parse(readFileSync(join(DEPLOY, "grafana.json"), "utf8"))
    const expressions = expressionsIn(dashboard)
    expect(expressions.length).toBeGreaterThan(40)
    const unknown = expressions.flatMap(metricsIn).filter((name) => !series.has(name))
    expect(unknown).toEqual([])
  })

  test("every label by which grafana.json groups or selects is one of its metric", () => {
    const dashboard = JSON.parse(readFileSync(join(DEPLOY, "grafana.json"), "utf8"))
    const target = new Set(["job", "instance"])
    const wrong = expressionsIn(dashboard).flatMap((expression) => {
      const known = new Set(metricsIn(expression).flatMap((name) => [...(series.get(name) ?? [])]))
      const used = [...expression.matchAll(/by \(([^)]*)\)|([a-z_]+)=~?"/g)].flatMap(
        ([, list, label]) => (list ?? label ?? "").split(/,\s*/),
      )
      const left = used.filter((label) => !known.has(label) && !target.has(label))
      return left.filter((label) => !label.startsWith("alert")).map((label) => [label, expression])
    })
    expect(wrong).toEqual([])
  })

  test("panels of grafana.json have their own ids, and do not overlap", () => {
    const { panels } = JSON.parse(readFileSync(join(DEPLOY, "grafana.json"), "utf8"))
    const ids = new Set(panels.map(({ id }: { id: number }) => id))
    expect(ids.size).toBe(panels.length)
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }: { gridPos: GridPos }) =>
      Array.from(
        { length: w * h },
        (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`,
      ),
    )
    expect(new Set(cells).size).toBe(cells.length)
  })

  test("every rule of alerts.yml is of metrics that a hub has, and is in production.md", () => {
    const rules = readFileSync(join(DEPLOY, "alerts.yml"), "utf8")
    const expressions = [...rules.matchAll(/^\s+expr: (.*)$/gm)].map(([, expr]) => expr!)
    const unknown = expressions.flatMap(metricsIn).filter((name) => !series.has(name))
    expect(unknown).toEqual([])
    const names = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name!)
    expect(names.length).toBe(expressions.length)
    expect(rules.match(/runbook:/g)?.length).toBe(names.length)
    const page = readFileSync(PAGE, "utf8")
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([])
  })

  // Debian: apt-get install prometheus. `HEADWATER_FULL=1` runs it against a real server as well.
  test.skipIf(!isInstalled)("promtool takes the rules and their tests", () => {
    expect(promtool(["check", "rules", join(DEPLOY, "alerts.yml")])).toContain("SUCCESS")
    expect(promtool(["test", "rules", join(DEPLOY, "alerts.test.yml")])).toContain("SUCCESS")
  })

  test.skipIf(!isInstalled)("promtool has nothing to say about the names of metrics", () => {
    expect(promtool(["check", "metrics"], text)).toBe("")
  })

  afterAll(() => {
    if (!isInstalled) console.log("promtool is not installed: alerts.yml was not checked by it")
  })
})

interface GridPos {
  readonly x: number
  readonly y: number
  readonly w: number
  readonly h: number
}
