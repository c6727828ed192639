import { startEtcd } from "@headwater/testing/etcd"
import { drawRound, type PackageState } from "./change-round.ts"
import { startHub } from "./hub-process.ts"
import { type PackageRecord, readPackageIndex } from "./package-index.ts"
import { PREFIX, writeChanges } from "./package-store.ts"
import { type PageServer, servePage } from "./page-server.ts"
import { sampleIndex } from "./sample-index.ts"

const PORT = 8090
const SAMPLE_PACKAGES = 5_000
const CHANGED_PACKAGES = 1_000

/**
 * `npm run example -- [--sample] [--port PORT]`
 *
 * Puts the package index of this machine into an etcd of its own, starts a hub on it, and serves a
 * page that follows it. Runs until a signal stops it; then everything it started ends with it.
 */
async function main(args: readonly string[]): Promise<void> {
  const opened: Closer[] = []
  const end = async (code: number) => {
    for (let close = opened.pop(); close; close = opened.pop()) await close().catch(console.error)
    process.exit(code)
  }
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      end(0).catch(console.error)
    })
  }
  try {
    await run(args, opened)
  } catch (error) {
    console.error((error as Error).message)
    await end(1)
  }
}

/** Closes one thing that was opened. The last one opened is closed first. */
type Closer = () => Promise<void>

async function run(args: readonly string[], opened: Closer[]): Promise<void> {
  const records = await readRecords(args.includes("--sample"))
  const etcd = await startEtcd()
  opened.push(() => etcd.dispose())
  let state: PackageState = { held: records, removed: [] }
  const all = records.map((record) => ({ op: "put", record }) as const)
  const started = performance.now()
  await writeChanges(etcd, all, {
    inOrder: false,
    onProgress: (done) => tell(`loading etcd: ${done.toLocaleString("en")} packages`),
  })
  tell(`loaded etcd with ${records.length.toLocaleString("en")} packages in ${since(started)}\n`)

  let hubUrl = ""
  let rounds = 0
  const change = async () => {
    rounds += 1
    const drawn = drawRound(state, CHANGED_PACKAGES, Math.random)
    state = drawn.state
    const { revision, commits } = await writeChanges(etcd, drawn.changes)
    console.log(`changed ${drawn.changes.length} packages in ${commits} transactions`)
    return { changes: drawn.changes.length, commits, revision }
  }
  const settings = () => ({ hub: hubUrl, topic: "packages", rounds })
  const page = await listen(args, { settings, change })
  opened.push(() => page.close())

  const hubStarted = performance.now()
  const hub = await startHub(`packages=etcd://${etcd.host}${PREFIX}`, page.origin)
  opened.push(() => hub.close())
  hubUrl = hub.url
  console.log(`the hub at ${hub.url} is in sync after ${since(hubStarted)}`)
  console.log(`\n  open ${page.origin}/\n`)
  console.log(`more tabs share one stream; the hub's own page is ${hub.url}/`)
  console.log(`or follow it here: curl -N ${hub.url}/v1/topics/packages/stream`)
}

async function readRecords(isSample: boolean): Promise<readonly PackageRecord[]> {
  const records = isSample ? [] : await readPackageIndex()
  if (records.length > 0) return records
  if (!isSample) console.log("no package index here (apt-cache dumpavail): a sample will do")
  return sampleIndex(SAMPLE_PACKAGES, Math.random)
}

/** The port that was asked for; else the usual one, or any when that is taken. */
function listen(
  args: readonly string[],
  host: Parameters<typeof servePage>[1],
): Promise<PageServer> {
  const at = args.indexOf("--port")
  if (at >= 0) return servePage(Number(args[at + 1]), host)
  return servePage(PORT, host).catch(() => servePage(0, host))
}

/** A line that the next one overwrites on a terminal; elsewhere only whole lines. */
function tell(line: string): void {
  if (process.stdout.isTTY) process.stdout.write(`\r\u001b[K${line}`)
  else if (line.endsWith("\n")) process.stdout.write(line)
}

function since(started: number): string {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`
}

await main(process.argv.slice(2))
