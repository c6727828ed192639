import { backoffMs } from "@headwater/core"
import { BATCH_OPERATIONS_MAX } from "@headwater/protocol"
import { askHub, HubAnswerError } from "./hub-request.ts"
import type { TopicTarget } from "./hub-target.ts"
import type { TaskContext } from "./task-context.ts"
import { TaskError } from "./task-error.ts"

/** Below the hub's bound of 4 MiB. A value above it has a batch for itself. */
const BATCH_CHARACTERS_MAX = 3_000_000

const ATTEMPTS_MAX = 8
const BACKOFF = { firstMs: 250, maxMs: 10_000 }

/**
 * Writes changes to a topic in batches, each in one commit. A batch that got no answer is sent
 * again: the same puts and deletes lead to the same state.
 */
export class BatchWriter {
  /** Changes that the hub has stored. */
  written = 0
  /** The position of the last batch; `undefined` before it. */
  position: string | undefined
  readonly #target: TopicTarget
  readonly #context: TaskContext
  readonly #changes = new Map<string, string>()
  #characters = 0

  constructor(target: TopicTarget, context: TaskContext) {
    this.#target = target
    this.#context = context
  }

  /** Puts a value, given as the protocol's JSON has it. */
  put(key: string, json: string): Promise<void> {
    return this.#add(key, `{"op":"put","key":${JSON.stringify(key)},"value":${json}}`)
  }

  /** Deletes a key, whether it is there or not. */
  delete(key: string): Promise<void> {
    return this.#add(key, JSON.stringify({ op: "delete", key }))
  }

  /** Sends the changes that were not sent yet. */
  async flush(): Promise<void> {
    if (this.#changes.size === 0) return
    const body = `{"changes":[${[...this.#changes.values()].join(",")}]}`
    this.position = await this.#send(body)
    this.written += this.#changes.size
    this.#changes.clear()
    this.#characters = 0
  }

  async #add(key: string, change: string): Promise<void> {
    const isFull =
      this.#changes.size === BATCH_OPERATIONS_MAX ||
      this.#characters + change.length > BATCH_CHARACTERS_MAX
    // A batch has each key once.
    if (isFull || this.#changes.has(key)) await this.flush()
    this.#changes.set(key, change)
    this.#characters += change.length
  }

  async #send(body: string): Promise<string> {
    const { topic, hub } = this.#target
    const { clock, signal, random } = this.#context
    const headers = { "content-type": "application/json" }
    for (let attempt = 1; ; attempt++) {
      try {
        const request = { method: "POST", headers, body }
        const answer = await askHub(this.#context, hub, `/v1/topics/${topic}/batch`, request)
        return ((await answer.json()) as { position: string }).position
      } catch (error) {
        const isFinal = error instanceof HubAnswerError ? !error.mayRetry : isMisuse(error)
        if (signal.aborted || isFinal || attempt === ATTEMPTS_MAX) throw error
        await clock.sleep(backoffMs(attempt, BACKOFF, random(), 0), signal)
      }
    }
  }
}

function isMisuse(error: unknown): boolean {
  return error instanceof TaskError && !error.message.includes("cannot be reached")
}
