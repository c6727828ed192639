import { createHash } from "node:crypto"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "@headwater/testing/etcd"
import type { Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { HubProcess } from "./hub-process.ts"
import { PageBrowser } from "./page-browser.ts"

// The page of a hub in a real browser, as a reader and a writer use it.

const isReady = process.env["HEADWATER_CHROMIUM"] !== undefined
const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js")

const ARGS = ["--topic", "t=memory:", "--topic", "bin=memory:?values=binary"]

const FRAGMENTS = [
  "#/",
  "#/topic/t/keys?key=a/b",
  "#/topic/t/keys?layout=list",
  "#/topic/t/changes",
  "#/topic/t/readers",
  "#/topic/t/proof",
]

describe.skipIf(!isReady)("the page of a hub, in Chromium", () => {
  let port: number
  let hub: HubProcess
  let browser: PageBrowser
  let page: Page

  beforeAll(async () => {
    port = await freePort()
    hub = await HubProcess.start("node", port, ARGS)
    await hub.ready()
    browser = await PageBrowser.launch()
    page = await browser.open(hub.url, { viewport: { width: 1440, height: 900 } })
  })

  afterAll(async () => {
    await browser?.close()
    await hub?.stop()
  })

  const put = async (key: string, body: string | Uint8Array<ArrayBuffer>, topic = "t") => {
    const type = typeof body === "string" ? "application/json" : "application/octet-stream"
    const { status } = await fetch(`${hub.url}/v1/topics/${topic}/entry?key=${key}`, {
      method: "PUT",
      headers: { "content-type": type },
      body,
    })
    expect(status).toBe(200)
  }
  const value = async (key: string) =>
    await (await fetch(`${hub.url}/v1/topics/t/entry?key=${key}`)).text()
  const open = (fragment: string) =>
    page.evaluate((to) => {
      location.hash = to
    }, fragment)
  const text = (content: string) => page.getByText(content, { exact: true }).first().waitFor()
  const shown = (selector: string, content: string) =>
    page.waitForFunction(
      ([selector, content]) => document.querySelector(selector!)?.textContent?.includes(content!),
      [selector, content],
    )
  const click = (name: string | RegExp) => page.getByRole("button", { name, exact: true }).click()

  test("lists all topics with their numbers", async () => {
    await page.getByRole("row", { name: /^t memory · json in-sync/ }).waitFor()

    expect(await page.locator(".topics tbody tr").count()).toBe(2)
  })

  test("shows the first writes, and tells a number from a text", async () => {
    await open("#/topic/t/changes")
    await text("No change since this page is open. The next one shows here at once.")
    await put("greeting", '"1"')
    await shown(".change ins", '"1"')
    await put("greeting", "1")
    await shown(".change", "updated")
    const [last] = await page.locator(".change-values").allTextContents()

    expect(last).toBe('"1" → 1')
  })

  test("shows a whole value as the hub has it, and its changes", async () => {
    await put("folder/large", '{"big": 9007199254740993, "list": [true, null]}')
    await open("#/topic/t/keys?key=folder/large")
    await shown(".code", "9007199254740993")
    expect(await page.locator(".code code").allTextContents()).toEqual([
      "{",
      '  "big": 9007199254740993,',
      '  "list": [',
      "    true,",
      "    null",
      "  ]",
      "}",
    ])
    await click("raw")
    await shown(".code", '{"big": 9007199254740993, "list": [true, null]}')
    await put("folder/large", "2")
    await shown(".code", "2")
    await shown(".history", "{big: 9007199254740992")
    await page.getByRole("treeitem", { name: "folder/" }).waitFor()
  })

  test("writes after a look at the difference, and only what was looked at", async () => {
    await put("lamp", '{"state":"off","big":9007199254740993}')
    await open("#/topic/t/keys?key=lamp")
    await shown(".code", "off")
    await click("Edit")
    const editor = page.getByRole("textbox", { name: "Value of lamp as JSON" })
    await editor.fill((await editor.inputValue()).replace("off", "on"))
    await click("Review the change")
    expect(await page.locator('.diff [data-side="old"]').textContent()).toContain('"off"')
    await put("lamp", '{"state":"broken"}')
    await text("Compare with that")
    await click("Write")
    await shown(".failure", "Not written: the entry is at revision")
    expect(await value("lamp")).toBe('{"state":"broken"}')

    await click("Compare with that")
    await click("Write")
    await shown(".code", '"on"')
    expect(await value("lamp")).toBe('{"state":"on","big":9007199254740993}')
  })

  test("makes an entry and deletes it, by the keyboard alone", async () => {
    await open("#/topic/t/keys")
    await page.getByRole("button", { name: "New", exact: true }).focus()
    await page.keyboard.press("Enter")
    await page.getByLabel("Key", { exact: true }).focus()
    await page.keyboard.type("a/new")
    await page.keyboard.press("Tab")
    await page.keyboard.type('"fresh"')
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.getByRole("button", { name: "Write", exact: true }).focus()
    await page.keyboard.press("Enter")
    await shown(".code", '"fresh"')
    await page.getByRole("button", { name: "Delete", exact: true }).focus()
    await page.keyboard.press("Enter")
    await page.getByRole("button", { name: "Delete", exact: true }).focus()
    await page.keyboard.press("Enter")
    await text("There is no entry under this key now.")
  })

  test("shows bytes in hex and base64", async () => {
    await put("blob", Uint8Array.from([0, 255, 72, 105]), "bin")
    await open("#/topic/bin/keys?key=blob")
    await shown(".code", "000000  00 ff 48 69")
    await click("base64")
    await shown(".code", "AP9IaQ==")
  })

  test("says at once and everywhere that the hub is gone, and claims no proof", async () => {
    await open("#/topic/t/proof")
    await shown(".claim", "are the hub's, proven")
    await hub.stop("SIGKILL")
    await shown(".banner", "The hub is gone.")
    await shown(".link-state", "hub gone")
    await shown(".chip", "unknown; last in-sync")
    await shown(".claim", "The link to the hub is lost")
    expect(await page.locator('[data-state="proven"]').count()).toBe(0)
    await open("#/")
    await shown(".topics .chip", "unknown; last in-sync")

    hub = await HubProcess.start("node", port, ARGS)
    await page.waitForFunction(() => document.querySelector(".banner") === null)
    await shown(".topics .chip", "in-sync")
  })

  test.each([
    { width: 390, colorScheme: "light" },
    { width: 1440, colorScheme: "dark" },
  ] as const)("has no fault that axe finds, at $width px in $colorScheme", async (look) => {
    const { width, colorScheme } = look
    await put("a/b", '{"n":1}')
    const own = await browser.open(hub.url, { viewport: { width, height: 844 }, colorScheme })
    const script = await readFile(axe, "utf8")
    for (const fragment of FRAGMENTS) {
      await own.goto(`${hub.url}/${fragment}`)
      await own.waitForFunction(() => document.querySelector(".facts, .topics") !== null)
      await own.evaluate(script)
      const violations = await own.evaluate(async () => {
        const { axe } = globalThis as unknown as { axe: { run: () => Promise<AxeResult> } }
        return (await axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)
      })
      expect([fragment, violations]).toEqual([fragment, []])
    }
    await own.context().close()
  })

  test("moves nothing by itself while it loads and follows", async () => {
    const own = await browser.open("about:blank", { viewport: { width: 390, height: 844 } })
    await own.addInitScript(() => {
      const room = globalThis as unknown as { shifts: string[] }
      room.shifts = []
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries() as unknown as Shift[]) {
          const moved = entry.sources.map(({ node }) => node?.parentElement?.className)
          if (!entry.hadRecentInput) room.shifts.push(`${entry.value} ${moved}`)
        }
      }).observe({ type: "layout-shift", buffered: true })
    })
    for (const fragment of FRAGMENTS) {
      await own.goto("about:blank")
      await own.goto(`${hub.url}/${fragment}`)
      await own.waitForFunction(() => document.querySelector(".facts, .topics") !== null)
      await put("a/b", `${Math.random()}`)
      await own.waitForFunction(() => (document.querySelector(".link-text") as never) !== null)
      const shifts = await own.evaluate(async () => {
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
        return (globalThis as unknown as { shifts: string[] }).shifts
      })
      // A word that becomes another may move the one beside it; nothing else moves.
      const sum = shifts.reduce((total, shift) => total + Number.parseFloat(shift), 0)
      expect([fragment, sum < 0.005 ? [] : shifts]).toEqual([fragment, []])
    }
    await own.context().close()
  })

  test("is live in more tabs than a browser has connections, on one stream", async () => {
    const readers = async () => (await (await fetch(`${hub.url}/v1/topics/t`)).json()).subscribers
    const before = await readers()
    const own = await browser.open(`${hub.url}/#/topic/t/changes`)
    const all = [own]
    while (all.length < 7) all.push(await own.context().newPage())
    for (const tab of all.slice(1)) await tab.goto(`${hub.url}/#/topic/t/changes`)
    for (const tab of all) {
      await tab.bringToFront() // A tab in the background draws nothing.
      // A snapshot may be ten seconds old: a change of the test before may follow it.
      const none = tab.getByText("No change since this page is open.")
      await tab.locator(".change").or(none).first().waitFor()
    }
    await put("for/all", "1")
    for (const tab of all) {
      await tab.bringToFront()
      await tab.getByRole("link", { name: "for/all" }).waitFor()
    }
    const after = await readers()
    await own.context().close()

    // Readers of the tests before may leave meanwhile.
    expect(after).toBeLessThanOrEqual(before + 1)
  })

  test("complains of nothing", () => {
    expect(browser.complaints).toEqual([])
  })
})

describe.skipIf(!isReady)("the page of a hub with tokens, in Chromium", () => {
  test("takes a token for the session, and shows an operator the readers", async () => {
    const folder = await mkdtemp(join(tmpdir(), "headwater-page-"))
    const token = `hwt_${"0123456789abcdef".repeat(3)}`
    const sha256 = [createHash("sha256").update(token).digest("hex")]
    const topics = { "*": { read: true, write: true } }
    const identities = [{ name: "ada", sha256, topics, admin: true }]
    const anonymous = { topics: { open: { read: true } } }
    const file = join(folder, "tokens.json")
    await writeFile(file, JSON.stringify({ identities, anonymous }))
    const args = ["--topic", "open=memory:", "--topic", "closed=memory:", "--tokens", file]
    const hub = await HubProcess.start("node", await freePort(), args)
    const browser = await PageBrowser.launch()
    try {
      const page = await browser.open(`${hub.url}/#/topic/open/readers`)
      await page.getByText("The readers are for operators", { exact: false }).waitFor()
      await page.getByRole("button", { name: "Sign in" }).click()
      await page.getByLabel("Token", { exact: true }).fill(token)
      await page.keyboard.press("Enter")
      await page.getByRole("row", { name: /file:ada/ }).waitFor()
      await page.getByRole("button", { name: "End the stream of file:ada" }).click()
      await page.getByRole("button", { name: "Really end the stream of file:ada" }).click()
      await page.getByText("ended the stream of file:ada; it may come back").waitFor()
      await page.reload()
      await page.getByRole("row", { name: /file:ada/ }).waitFor()
      expect(await page.locator(".picker option").allTextContents()).toEqual(["open", "closed"])
      await page.getByRole("button", { name: "Sign out" }).click()
      await page.getByText("The readers are for operators", { exact: false }).waitFor()
      expect(browser.complaints).toEqual([])
    } finally {
      await browser.close()
      await hub.stop()
      await rm(folder, { recursive: true, force: true })
    }
  })
})

interface Shift {
  readonly value: number
  readonly hadRecentInput: boolean
  readonly sources: readonly { readonly node?: Node & { readonly parentElement: Element | null } }[]
}

interface AxeResult {
  readonly violations: readonly {
    readonly id: string
    readonly nodes: readonly { readonly html: string }[]
  }[]
}
