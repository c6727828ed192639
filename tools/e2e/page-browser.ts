import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core"

/** Nothing here goes anywhere but to the loopback. */
export const CHROMIUM_ARGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
]

/** A Chromium for tests of a hub's page. */
export class PageBrowser {
  readonly #browser: Browser
  /** The errors of all pages: a page that complains is at fault. */
  readonly complaints: string[] = []

  private constructor(browser: Browser) {
    this.#browser = browser
  }

  static async launch(): Promise<PageBrowser> {
    const executablePath = process.env["HEADWATER_CHROMIUM"] ?? "/usr/bin/chromium"
    return new PageBrowser(await chromium.launch({ executablePath, args: CHROMIUM_ARGS }))
  }

  /** Opens a page with a session of its own. */
  async open(url: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.#browser.newContext(options)
    const page = await context.newPage()
    page.on("console", (message) => {
      // A hub without a resource, or one that is gone, is an answer and not a fault.
      if (!message.text().startsWith("Failed to load resource")) {
        this.complaints.push(message.text())
      }
    })
    page.on("pageerror", (error) => this.complaints.push(error.message))
    await page.goto(url)
    return page
  }

  close(): Promise<void> {
    return this.#browser.close()
  }
}
