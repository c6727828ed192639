import { Agent, request } from "node:http"
import { WrongAnswerError } from "../wrong-answer.ts"

/** A key, and its value as JSON. */
export type Write = readonly [key: string, value: string]

/** Writes to a server over connections that are kept. */
export class Writer {
  readonly #topic: string
  readonly #agent: Agent

  /** @param connections that are used at once; one more write than that waits. */
  constructor(url: string, connections = 1) {
    this.#topic = `${url}/v1/topics/bench`
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections })
  }

  /** Writes one value. Resolves when the server has answered. */
  put([key, value]: Write): Promise<void> {
    return this.#send("PUT", `${this.#topic}/entry?key=${encodeURIComponent(key)}`, value)
  }

  /** Writes some as one commit: at most 128, each key once. */
  batch(writes: readonly Write[]): Promise<void> {
    const changes = writes.map(
      ([key, value]) => `{"op":"put","key":${JSON.stringify(key)},"value":${value}}`,
    )
    return this.#send("POST", `${this.#topic}/batch`, `{"changes":[${changes.join(",")}]}`)
  }

  /** Closes the connections. */
  close(): void {
    this.#agent.destroy()
  }

  #send(method: string, url: string, body: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const headers = {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
      }
      const sent = request(url, { method, agent: this.#agent, headers })
      sent.on("error", reject)
      sent.on("response", (response) => {
        response.resume()
        response.on("end", () => {
          if (response.statusCode === 200) resolve()
          else reject(new WrongAnswerError(`a write was answered by ${response.statusCode}`))
        })
      })
      sent.end(body)
    })
  }
}
