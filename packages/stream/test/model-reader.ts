import { ClosedError, type CloseReason, type Event } from "@headwater/core"
import { expect } from "vitest"
import { EVERY_SUBJECT } from "../src/subject.ts"
import type { StreamFrame, Subscription } from "../src/subscription.ts"

type PreparedCommit = readonly Event<string>[]

/** One life of a state: its commits, of revisions 1, 2, … */
interface Life {
  readonly serial: number
  readonly commits: PreparedCommit[]
}

/**
 * A state that changes, and is replaced now and then by another one whose revisions begin anew.
 * Its commits touch subjects a and b, a alone, b alone, and so on. A payload names its origin.
 */
export class Lives {
  current: Life = { serial: 1, commits: [] }

  get revision(): number {
    return this.current.commits.length
  }

  commit(): PreparedCommit {
    const { serial, commits } = this.current
    const revision = commits.length + 1
    const subjects = [["a", "b"], ["a"], ["b"]][commits.length % 3] as string[]
    const payload = `${serial}.${revision}`
    const commit = subjects.map((subject) => ({ topic: "t", subject, revision, payload }))
    commits.push(commit)
    return commit
  }

  /** The events of a subject by commit, in order, without empty commits. */
  commitsOf(subject: string): readonly PreparedCommit[] {
    return commitsOf(this.current, subject)
  }

  renew(): void {
    this.current = { serial: this.current.serial + 1, commits: [] }
  }
}

function commitsOf({ commits }: Life, subject: string): readonly PreparedCommit[] {
  if (subject === EVERY_SUBJECT) return commits
  return commits
    .map((commit) => commit.filter((event) => event.subject === subject))
    .filter((commit) => commit.length > 0)
}

/** A reader that knows the frames it should get, and expects no others. */
export class ModelReader {
  readonly subscription: Subscription<string>
  readonly subject: string
  readonly isLazy: boolean
  /** The revision of its last `sync` or commit. */
  revision = 0
  readonly #epoch: Life
  #resetsLeft: number
  #isFresh: boolean
  // What it holds; it begins a snapshot with nothing.
  #held: PreparedCommit[] = []
  #isSynced = false
  #isBegun = false

  constructor(
    subscription: Subscription<string>,
    options: {
      readonly subject: string
      readonly life: Life
      readonly isLazy: boolean
      /** The resets that it may get after it has begun. */
      readonly resetsMax: number
      readonly back: ModelReader | undefined
    },
  ) {
    const { subject, life, isLazy, resetsMax, back } = options
    this.subscription = subscription
    this.subject = subject
    this.isLazy = isLazy
    this.#epoch = life
    this.#resetsLeft = resetsMax
    this.#isFresh = back === undefined
    if (back === undefined) return
    this.revision = back.revision
    this.#held = [...back.#held]
    this.#isSynced = back.#isSynced
    // Of another life it has to be reset: what it holds counts for nothing.
    if (back.#epoch !== life) this.#held = [[{ topic: "", subject: "", revision: 0, payload: "" }]]
  }

  /** It went on where it was, by its frames. */
  get resumed(): boolean {
    return !this.#isFresh
  }

  /** Reads all that is there. */
  read(): void {
    for (let frame = this.subscription.poll(); frame !== undefined; ) {
      this.#take(frame)
      frame = this.subscription.poll()
    }
  }

  /** It holds all that was ever committed of its subject. */
  expectAll(): void {
    expectSame(this.#isSynced, true)
    expectSame(this.#held, this.#commits)
  }

  expectClosed(reason: CloseReason): void {
    let heard: unknown
    try {
      this.subscription.poll()
    } catch (error) {
      heard = error
    }
    expectSame(heard instanceof ClosedError && heard.reason, reason)
  }

  #take(frame: StreamFrame<string>): void {
    const isFirst = !this.#isBegun
    this.#isBegun = true
    switch (frame.type) {
      case "reset": {
        const isDue = isFirst && !this.#isFresh
        if (!isDue && this.#resetsLeft-- === 0) throw new Error("a reset that is not due")
        this.#held = []
        this.#isSynced = false
        this.#isFresh = true
        this.revision = 0
        return
      }
      case "sync": {
        if (!this.#isFresh || this.#isSynced) throw new Error("one sync comes after a snapshot")
        // An empty state is sent as of 1. If it was not empty, an event is missed.
        const isEmpty = this.#held.length === 0 && frame.revision === 1
        const { revision } = frame
        if (!isEmpty)
          expectSame(
            this.#held,
            this.#commits.filter(([e]) => isUpTo(e, revision)),
          )
        this.#isSynced = true
        this.revision = frame.revision
        return
      }
      case "events": {
        expectSame(frame.events, this.#commits[this.#held.length])
        this.#held.push(frame.events)
        if (this.#isSynced) this.revision = frame.revision
      }
    }
  }

  get #commits(): readonly PreparedCommit[] {
    return commitsOf(this.#epoch, this.subject)
  }
}

function isUpTo(event: Event<string> | undefined, revision: number): boolean {
  return event !== undefined && event.revision <= revision
}

// `expect` takes its time, and is called a million times to no effect.
function expectSame(actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) expect(actual).toEqual(expected)
}
