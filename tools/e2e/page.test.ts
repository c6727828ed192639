import { type Browser, chromium, type Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { HubProcess } from "./hub-process.ts"

// The page of a hub in a real browser: it claims what it knows, and nothing else.

const PORT = 42_917
const isReady = process.env["HEADWATER_CHROMIUM"] !== undefined
const CHROMIUM_ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]

const start = () => HubProcess.start("node", PORT, ["--topic", "t=memory:"])

describe.skipIf(!isReady)("the page of a hub, in Chromium", () => {
  let hub: HubProcess
  let browser: Browser
  let page: Page
  const complaints: string[] = []

  beforeAll(async () => {
    hub = await start()
    const executablePath = process.env["HEADWATER_CHROMIUM"]!
    browser = await chromium.launch({ executablePath, args: CHROMIUM_ARGS })
    page = await browser.newPage()
    page.on("console", (message) => complaints.push(message.text()))
    page.on("pageerror", (error) => complaints.push(error.message))
    await page.goto(hub.url)
    await text("#source", "in-sync")
  })

  afterAll(async () => {
    await browser?.close()
    await hub?.stop()
  })

  const text = (selector: string, expected: string) =>
    page.waitForFunction(
      ([selector, expected]) => document.querySelector(selector!)?.textContent?.includes(expected!),
      [selector, expected],
    )
  const put = async (key: string, json: string) => {
    const url = `${hub.url}/v1/topics/t/entry?key=${key}`
    const headers = { "content-type": "application/json" }
    const { status } = await fetch(url, { method: "PUT", headers, body: json })
    expect(status).toBe(200)
  }

  test("shows the first writes of a topic, and tells a number from a text", async () => {
    await put("greeting", '"1"')
    await text("#changes tr:first-child", '"1"')
    await put("greeting", "1")
    await text("#changes tr:first-child", "updated")
    expect(await page.locator("#changes tr td:nth-child(3)").allTextContents()).toEqual([
      "1",
      '"1"',
    ])
    const cells = await page.locator("#rows tr td").allTextContents()
    expect(cells.slice(0, 2)).toEqual(["greeting", "1"])
    expect(complaints).toEqual([])
  })

  test("claims neither a proof nor the source's status when the hub is gone", async () => {
    await hub.stop()
    await text("#source", "unknown; last in-sync")
    expect(await page.textContent("#digest")).toContain("last proven")
    expect(await page.locator("#digest.proven").count()).toBe(0)
    expect(await page.locator("#rows tr").count()).toBe(1)

    hub = await start()
    await page.waitForFunction(() => document.querySelector("#digest.proven") !== null)
    expect(await page.textContent("#source")).toBe("in-sync")
  })
})
