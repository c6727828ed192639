import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { etcdAvailable } from "@headwater/testing/etcd"
import { type Browser, chromium, type Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { CHROMIUM_ARGS } from "./page-browser.ts"

// The example as a newcomer runs it, in a real browser: the page holds every package, proves it,
// finds some, and shows a thousand changes that reach it by the stream alone.

const ROOT = fileURLToPath(new URL("../../", import.meta.url))
const CHROMIUM = process.env.HEADWATER_CHROMIUM ?? "/usr/bin/chromium"
const isReady = etcdAvailable() && process.env.HEADWATER_CHROMIUM !== undefined

describe.skipIf(!isReady)("the example, with etcd and Chromium", () => {
  let example: ChildProcess
  let browser: Browser
  let page: Page
  const complaints: string[] = []

  beforeAll(async () => {
    const args = ["tools/example.mjs", "--sample", "--port", "0"]
    example = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] })
    const url = await lineOf(example, /open (http:\S+)/)
    browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGS })
    page = await (await browser.newContext()).newPage()
    page.on("console", (message) => complaints.push(message.text()))
    page.on("pageerror", (error) => complaints.push(error.message))
    await page.goto(url)
  })

  afterAll(async () => {
    await browser?.close()
    if (example.exitCode !== null) return
    const ended = new Promise((resolve) => example.once("exit", resolve))
    example.kill("SIGTERM")
    expect(await ended).toBe(0)
  })

  test("the page holds every package, and has proven it", async () => {
    await page.waitForFunction(() => document.body.dataset.state === "live")
    await page.waitForFunction(() => document.querySelector("#proof.proven") !== null)

    expect(await page.textContent("#count")).toBe("5,000")
    expect(await page.textContent("#found")).toBe("5,000 found")
  })

  test("another tab shares the stream, and the hub's page is beside it", async () => {
    const other = await page.context().newPage()
    await other.goto(page.url())
    for (const tab of [page, other]) {
      await tab.waitForFunction(
        () => document.getElementById("streams")?.textContent === "2 tabs on one stream, 1 stream",
      )
    }
    await other.close()
    const hubPage = await page.getAttribute("#hub-page", "href")
    await (await browser.newPage()).goto(hubPage!).then((answer) => expect(answer?.ok()).toBe(true))
  })

  test("the search finds by name and by description", async () => {
    await page.fill("#search", "lantern")
    await page.waitForFunction(
      () => document.getElementById("found")?.textContent !== "5,000 found",
    )
    const names = await page.locator(".result .name").allTextContents()

    expect(names.length).toBe(60)
    expect(names.filter((name) => !name.includes("lantern"))).toEqual([])
  })

  test("a thousand packages change by themselves, and a thousand more at a click", async () => {
    await page.waitForFunction(() =>
      / ms$/.test(document.getElementById("told")?.textContent ?? ""),
    )
    expect(await page.textContent("#seen")).toBe("1,000")
    expect(await page.textContent("#count")).toBe("4,960")

    await page.click("#change")
    await page.waitForFunction(() => document.getElementById("seen")?.textContent === "2,000")
    expect(await page.textContent("#count")).toBe("4,961") // 40 came back, 39 went
    expect(await page.locator(".change").count()).toBe(60)
    expect(complaints).toEqual([])
  })
})

/** The match of a pattern in the output of a process; rejects when the process ends before. */
function lineOf(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ""
    child.stdout?.on("data", (chunk) => {
      said += chunk
      const found = pattern.exec(said)?.[1]
      if (found) resolve(found)
    })
    child.once("exit", (code) => reject(new Error(`ended with ${code}: ${said}`)))
  })
}
