import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { type Browser, chromium, type Page } from "playwright-core"
import { rolldown } from "rolldown"
import { consume, type Seen } from "./client-consumer.ts"
import type { ConsumingWindow } from "./client-page.ts"

/** A client under test, here or in a browser. */
export interface Subject {
  /** Begins to follow, from nothing. */
  follow(url: string): Promise<void>
  seen(): Promise<Seen>
  /** Lets go of what it follows. */
  leave(): Promise<void>
}

/** The factor by which time runs faster for a subject: three heartbeats are 240 ms. */
const HASTE = 100

/** A client in this process. */
export function nodeSubject(topic: string): Subject {
  let consumer: ReturnType<typeof consume> | undefined
  return {
    async follow(url) {
      consumer = consume(url, topic, HASTE)
    },
    seen: async () => consumer!.seen(),
    leave: async () => consumer?.close(),
  }
}

/** Chromium, with one page of an origin of its own: `origin` is what a hub must allow. */
export class ClientPage {
  readonly origin: string
  readonly page: Page
  readonly #server: Server
  readonly #browser: Browser

  private constructor(server: Server, browser: Browser, page: Page) {
    this.#server = server
    this.#browser = browser
    this.page = page
    this.origin = originOf(server)
  }

  /** Starts the browser, with a page that has the client in it. */
  static async open(entry = "client-page.ts"): Promise<ClientPage> {
    const code = await bundleOf(entry)
    const server = createServer((request, response) => {
      const isCode = request.url?.endsWith(".js")
      response.setHeader("content-type", isCode ? "text/javascript" : "text/html")
      response.end(isCode ? code : `<script type="module" src="/page.js"></script>`)
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const browser = await chromium.launch({
      executablePath: process.env["HEADWATER_CHROMIUM"] ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    })
    const page = await browser.newPage()
    await page.goto(originOf(server))
    return new ClientPage(server, browser, page)
  }

  /** A client in the page. */
  subject(topic: string): Subject {
    const { page } = this
    return {
      async follow(url) {
        await page.waitForFunction(() => "consume" in window)
        await page.evaluate(
          ([url, topic, haste]) => {
            const room = globalThis as unknown as ConsumingWindow
            room.consumer = room.consume(url, topic, haste)
          },
          [url, topic, HASTE] as const,
        )
      },
      seen: () => page.evaluate(() => (globalThis as unknown as ConsumingWindow).consumer.seen()),
      leave: () =>
        page.evaluate(() => (globalThis as unknown as ConsumingWindow).consumer?.close()),
    }
  }

  async close(): Promise<void> {
    await this.#browser.close()
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** One module of this folder with all that it imports, for a browser. */
export async function bundleOf(entry: string): Promise<string> {
  const bundle = await rolldown({
    input: join(import.meta.dirname, entry),
    resolve: { conditionNames: ["@headwater/source", "import"] },
    platform: "browser",
    logLevel: "silent",
  })
  const { output } = await bundle.generate({ format: "esm" })
  await bundle.close()
  return output[0].code
}
