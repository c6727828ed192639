import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/**
 * Firefox without windows, by WebDriver BiDi, which it speaks itself. Runs where there is a
 * `WebSocket`: Node from 22 on.
 */
export class Firefox {
  readonly #child: ChildProcess
  readonly #folder: string
  readonly #socket: WebSocket
  readonly #answers = new Map<number, (message: BidiAnswer) => void>()
  #last = 0

  private constructor(child: ChildProcess, folder: string, socket: WebSocket) {
    this.#child = child
    this.#folder = folder
    this.#socket = socket
    socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(String(data)) as BidiAnswer
      this.#answers.get(message.id)?.(message)
      this.#answers.delete(message.id)
    })
  }

  /** Starts it with a profile of its own. */
  static async start(binary: string, port: number): Promise<Firefox> {
    const folder = mkdtempSync(join(tmpdir(), "headwater-firefox-"))
    const args = ["--headless", "--no-remote", "--profile", folder]
    const child = spawn(binary, [...args, "--remote-debugging-port", String(port)], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, HOME: folder },
    })
    await new Promise<void>((resolve, reject) => {
      let said = ""
      child.stderr.on("data", (chunk) => {
        said += chunk
        if (said.includes("WebDriver BiDi listening")) resolve()
      })
      child.once("exit", () => reject(new Error(`Firefox ended: ${said}`)))
    })
    const socket = new WebSocket(`ws://127.0.0.1:${port}/session`)
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve)
      socket.addEventListener("error", reject)
    })
    const firefox = new Firefox(child, folder, socket)
    await firefox.#send("session.new", { capabilities: {} })
    return firefox
  }

  /** Opens a tab; returns its name. */
  async open(url: string): Promise<string> {
    const { context } = await this.#send("browsingContext.create", { type: "tab" })
    await this.#send("browsingContext.navigate", { context, url, wait: "complete" })
    return context as string
  }

  /** Evaluates an expression in a tab, whose value is JSON, or a promise of it. */
  async evaluate(context: string, text: string): Promise<unknown> {
    const expression = `(async () => JSON.stringify(await (${text})))()`
    const target = { context }
    const answer = await this.#send("script.evaluate", { expression, target, awaitPromise: true })
    const { result, exceptionDetails } = answer as {
      result?: { value?: string }
      exceptionDetails?: { text: string }
    }
    if (exceptionDetails) throw new Error(exceptionDetails.text)
    return result?.value && JSON.parse(result.value)
  }

  /** Closes a tab. */
  async close(context: string): Promise<void> {
    await this.#send("browsingContext.close", { context })
  }

  /** Ends it. */
  stop(): void {
    this.#socket.close()
    this.#child.once("exit", () => rmSync(this.#folder, { recursive: true, force: true }))
    this.#child.kill("SIGKILL")
  }

  async #send(method: string, params: object): Promise<Record<string, unknown>> {
    this.#last += 1
    const id = this.#last
    const answer = await new Promise<BidiAnswer>((resolve) => {
      this.#answers.set(id, resolve)
      this.#socket.send(JSON.stringify({ id, method, params }))
    })
    if (answer.type === "error") throw new Error(`${method}: ${answer.message}`)
    return answer.result ?? {}
  }
}

interface BidiAnswer {
  readonly id: number
  readonly type: string
  readonly message?: string
  readonly result?: Record<string, unknown>
}
