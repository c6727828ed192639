import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { promisify } from "node:util"
import { freePort } from "@headwater/testing/etcd"
import { type BrowserContext, chromium, type Page } from "playwright-core"
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
// @ts-expect-error: a tool without types.
import { findRuntime } from "../runtimes.mjs"
import { bundleOf } from "./client-subject.ts"
import type { TabSeen, TabWindow } from "./client-tabs-page.ts"
import { HubProcess, pause } from "./hub-process.ts"

// Tabs of one origin in Chromium, over HTTP/1.1, where a browser has six connections to a hub: all
// of them are live over one stream, and nothing that happens to its holder shows in a replica.

const FULL = process.env.HEADWATER_FULL === "1"
const TABS = FULL ? 20 : 8

let server: Server
let origin: string
let hub: HubProcess
let context: BrowserContext
let tabs: Page[] = []

beforeAll(async () => {
  const scripts: Record<string, string> = {
    "/page.js": await bundleOf("client-tabs-page.ts"),
    "/worker.js": await bundleOf("../../packages/client/src/shared/worker.ts"),
  }
  server = createServer((request, response) => {
    const code = scripts[request.url ?? ""]
    response.setHeader("content-type", code ? "text/javascript" : "text/html")
    response.end(code ?? `<script type="module" src="/page.js"></script>`)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const args = ["--topic", "t=memory:", "--cors", origin]
  hub = await (await HubProcess.start("node", await freePort(), args)).ready()
  const browser = await chromium.launch({
    executablePath: process.env.HEADWATER_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  })
  context = await browser.newContext()
}, 120_000)

afterEach(async () => {
  await Promise.all(tabs.map((tab) => tab.close()))
  tabs = []
})

afterAll(async () => {
  await context?.browser()?.close()
  await hub?.stop("SIGKILL")
  server?.closeAllConnections()
  server?.close()
})

/** Opens a tab that follows. */
async function open(worker: string | false, token?: string): Promise<Page> {
  const tab = await context.newPage()
  tabs.push(tab)
  await tab.goto(origin)
  await tab.waitForFunction(() => "tab" in globalThis)
  await tab.evaluate(
    ([url, worker, token]) => {
      const { tab } = globalThis as unknown as { tab: TabWindow }
      tab.follow(url, worker, token)
    },
    [hub.url, worker, token] as const,
  )
  return tab
}

function seen(tab: Page): Promise<TabSeen> {
  return tab.evaluate(() => (globalThis as unknown as { tab: TabWindow }).tab.seen())
}

function write(tab: Page, key: string, value: unknown): Promise<number> {
  return tab.evaluate(
    ([url, key, value]) => (globalThis as unknown as { tab: TabWindow }).tab.write(url, key, value),
    [hub.url, key, value] as const,
  )
}

function isLeading(tab: Page): Promise<boolean> {
  return tab.evaluate(() => (globalThis as unknown as { tab: TabWindow }).tab.isLeading())
}

/**
 * Stops the scripts of a tab, which keeps its lock and its connections; returns what lets them go
 * on. A page of a browser without windows is never hidden, and a browser freezes hidden pages only.
 */
async function freeze(tab: Page): Promise<() => Promise<void>> {
  const session = await context.newCDPSession(tab)
  await session.send("Debugger.enable")
  const paused = new Promise((resolve) => session.once("Debugger.paused", resolve))
  await session.send("Debugger.pause")
  tab.evaluate(() => 1).catch(() => {}) // Something to stop at.
  await paused
  return async () => {
    await session.send("Debugger.resume")
    await session.send("Debugger.disable")
  }
}

/** Resolves once all tabs show a value, proven, and the hub counts so many streams. */
async function untilAllShow(pages: readonly Page[], key: string, value: unknown): Promise<void> {
  for (const tab of pages) {
    for (;;) {
      const { state, entries, mismatches } = await seen(tab)
      expect(mismatches).toBe(0)
      const shown = entries.find(([own]) => own === key)?.[1]
      if (state === "live" && JSON.stringify(shown) === JSON.stringify(value)) break
      await pause(25)
    }
  }
}

async function streamsOfHub(): Promise<number> {
  const { topics } = (await (await fetch(`${hub.url}/v1/topics`)).json()) as {
    topics: { subscribers: number }[]
  }
  return topics[0]!.subscribers
}

async function untilStreams(count: number): Promise<void> {
  while ((await streamsOfHub()) !== count) await pause(25)
}

async function expectFlawless(pages: readonly Page[]): Promise<void> {
  const all = await Promise.all(pages.map(seen))
  const [first] = all
  for (const one of all) {
    expect(one).toMatchObject({ mismatches: 0, resets: 0, backSteps: 0 })
    expect(one.proven).toBeGreaterThan(0)
    expect(one.entries).toEqual(first!.entries)
  }
}

describe.each([
  ["a shared worker", "/worker.js"],
  ["the tab that leads", false],
] as const)(`${TABS} tabs, whose stream is held by %s`, (_, worker) => {
  test("are all live over one connection, and a write is answered at once", async () => {
    for (let count = 0; count < TABS; count++) await open(worker)
    const tookMs = await write(tabs.at(-1)!, "first", { worker })
    await untilAllShow(tabs, "first", { worker })

    expect(tookMs).toBeLessThan(5_000)
    expect(await streamsOfHub()).toBe(1)
    await expectFlawless(tabs)
  }, 180_000)

  test("with other tokens do not share", async () => {
    await Promise.all([open(worker, "one"), open(worker, "two"), open(worker, "one")])
    await write(tabs[0]!, "tokens", 1)
    await untilAllShow(tabs, "tokens", 1)

    expect(await streamsOfHub()).toBe(2)
  }, 180_000)
})

describe("tabs whose holder goes", () => {
  test("go on when the tab that leads is closed", async () => {
    for (let count = 0; count < TABS; count++) await open(false)
    await write(tabs[0]!, "close", 0)
    await untilAllShow(tabs, "close", 0)
    for (let turn = 1; turn < 4; turn++) {
      const leading = await Promise.all(tabs.map(isLeading))
      const [leader] = tabs.splice(leading.indexOf(true), 1)
      await leader!.close()
      await write(tabs[0]!, "close", turn)
      await untilAllShow(tabs, "close", turn)
    }

    await untilStreams(1)
    await expectFlawless(tabs)
  }, 180_000)

  test("go on when the tab that leads is frozen, and so does it when it thaws", async () => {
    for (let count = 0; count < 4; count++) await open(false)
    await write(tabs[0]!, "freeze", 0)
    await untilAllShow(tabs, "freeze", 0)
    const leading = await Promise.all(tabs.map(isLeading))
    const leader = tabs[leading.indexOf(true)]!
    const others = tabs.filter((tab) => tab !== leader)
    const thaw = await freeze(leader)
    await write(others[0]!, "freeze", 1)
    await untilAllShow(others, "freeze", 1)
    expect((await Promise.all(others.map(isLeading))).filter((isLeading) => isLeading)).toEqual([
      true,
    ])
    await thaw()
    await write(others[0]!, "freeze", 2)
    await untilAllShow(tabs, "freeze", 2)

    await untilStreams(1)
    await expectFlawless(tabs)
  }, 180_000)

  test("go on when the shared worker ends", async () => {
    for (let count = 0; count < TABS; count++) await open("/worker.js")
    await write(tabs[0]!, "worker", 0)
    await untilAllShow(tabs, "worker", 0)
    const session = await context.browser()!.newBrowserCDPSession()
    const { targetInfos } = await session.send("Target.getTargets")
    const { targetId } = targetInfos.find(({ type }) => type === "shared_worker")!
    await session.send("Target.closeTarget", { targetId })
    await write(tabs[0]!, "worker", 1)
    await untilAllShow(tabs, "worker", 1)

    await untilStreams(1)
    await expectFlawless(tabs)
  }, 180_000)
})

const firefox = ["/usr/bin/firefox-esr", "/usr/bin/firefox"].find((path) => existsSync(path))
const why = !FULL ? "only in the full run" : firefox ? "" : "there is no Firefox on this machine"

describe.skipIf(why !== "")(`20 tabs of Firefox${why && ` (skipped: ${why})`}`, () => {
  test.each([
    ["a shared worker", "/worker.js"],
    ["the tab that leads, which is closed three times", ""],
  ])(
    "are all live over one connection, held by %s",
    async (_, worker) => {
      const { binary } = await findRuntime("node24")
      const script = join(import.meta.dirname, "firefox-tabs.ts")
      const args: string[] = [
        script,
        firefox!,
        String(await freePort()),
        origin,
        hub.url,
        "20",
        worker,
      ]
      const { stdout } = await promisify(execFile)(binary, args)
      const { seen, streams } = JSON.parse(stdout) as { seen: TabSeen[]; streams: number }

      expect(streams).toBe(1)
      expect(seen.length).toBe(worker ? 20 : 17)
      for (const one of seen) {
        expect(one).toMatchObject({ state: "live", mismatches: 0, resets: 0, backSteps: 0 })
        expect(one.proven).toBeGreaterThan(0)
      }
    },
    300_000,
  )
})
