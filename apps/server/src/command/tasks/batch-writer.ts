import { backoffMs } from "@headwater/core"
import { BATCH_OPERATIONS_MAX, parsePosition } from "@headwater/protocol"
import { awaitShown } from "./await-shown.ts"
import { askHub, HubAnswerError } from "./hub-request.ts"
import type { TopicTarget } from "./hub-target.ts"
import type { TaskContext } from "./task-context.ts"
import { TaskError } from "./task-error.ts"

/** Below the hub's bound of 4 MiB. A value above it has a batch for itself. */
const BATCH_CHARACTERS_MAX = 3_000_000

/** Batches under way at once. */
const BATCHES_MAX = 4

const ATTEMPTS_MAX = 8
const BACKOFF = { firstMs: 250, maxMs: 10_000 }

/**
 * Writes changes to a topic in batches, each in one commit. A batch that got no answer is sent
 * again: the same puts and deletes lead to the same state.
 */
export class BatchWriter {
  /** Changes that the hub has stored. */
  written = 0
  /** The highest position of a batch; `undefined` before the first answer. */
  position: string | undefined
  readonly #target: TopicTarget
  readonly #context: TaskContext
  readonly #changes = new Map<string, string>()
  readonly #underWay = new Set<string>()
  readonly #sent = new Set<Promise<void>>()
  #failure: { readonly error: unknown } | undefined
  #shown: string | undefined
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

  /** Sends the changes that were not sent yet, and waits until the hub shows all of them. */
  async flush(): Promise<void> {
    await this.#dispatch()
    await this.#settled(0)
    if (this.position === undefined || this.position === this.#shown) return
    await awaitShown(this.#target, this.position, this.#context)
    this.#shown = this.position
  }

  async #add(key: string, change: string): Promise<void> {
    const isFull =
      this.#changes.size === BATCH_OPERATIONS_MAX ||
      this.#characters + change.length > BATCH_CHARACTERS_MAX
    // A batch has each key once, and a key is in one batch under way at a time.
    if (isFull || this.#changes.has(key)) await this.#dispatch()
    if (this.#underWay.has(key)) await this.#settled(0)
    this.#changes.set(key, change)
    this.#characters += change.length
  }

  // Several batches are under way at once, as a source stores those that wait in one step.
  async #dispatch(): Promise<void> {
    await this.#settled(BATCHES_MAX - 1)
    if (this.#changes.size === 0) return
    const body = `{"changes":[${[...this.#changes.values()].join(",")}]}`
    const keys = [...this.#changes.keys()]
    this.#changes.clear()
    this.#characters = 0
    for (const key of keys) this.#underWay.add(key)
    const sent = this.#send(body)
      .then((position) => {
        this.written += keys.length
        this.position = laterOf(this.position, position)
      })
      .catch((error) => {
        this.#failure ??= { error }
      })
      .finally(() => {
        for (const key of keys) this.#underWay.delete(key)
        this.#sent.delete(sent)
      })
    this.#sent.add(sent)
  }

  // Waits until at most so many batches are under way.
  async #settled(count: number): Promise<void> {
    while (this.#sent.size > count && !this.#failure) await Promise.race(this.#sent)
    if (this.#failure) throw this.#failure.error
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
        const askedMs = error instanceof HubAnswerError ? error.retryAfterMs : 0
        await clock.sleep(backoffMs(attempt, BACKOFF, random(), askedMs), signal)
      }
    }
  }
}

function laterOf(a: string | undefined, b: string): string {
  return a === undefined || parsePosition(b).revision > parsePosition(a).revision ? b : a
}

function isMisuse(error: unknown): boolean {
  return error instanceof TaskError && !error.message.includes("cannot be reached")
}
