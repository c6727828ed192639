import type { Event } from "@headwater/core"
import { debugBuild } from "@headwater/core/debug"
import { createEngine, type Engine } from "@headwater/core/engine"
import { ManualClock } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import type { StreamLimits } from "../src/limits.ts"
import { EventPublisher } from "../src/publisher.ts"
import { EVERY_SUBJECT } from "../src/subject.ts"
import { Lives, ModelReader } from "./model-reader.ts"

/**
 * Whatever can happen, in every order, up to so many steps. Each schedule is played from the
 * beginning, and then to its end: what is built is finished, what is queued is published, and every
 * reader reads all. Schedules that begin with one that is played are found by asking the play what
 * could come next.
 *
 *   publish   the state changes, and the commit is published (or offered), three times at most
 *   turn      the event loop turns: what was offered first is published
 *   join      a reader subscribes to one subject, or to every one, without a revision
 *   back      the reader that left last, or was closed, comes back with its revision and epoch
 *   leave     the reader that came first unsubscribes
 *   read      the snapshot that was asked for first reads the state, and appends half of it
 *   finish    it appends the rest, and is whole
 *   expire    the shared snapshot is let go of
 *   refresh   the state is another one, whose revisions begin anew
 */
type Step = keyof typeof STEPS

/** The setup of a play. */
interface Variant {
  readonly name: string
  readonly offers?: boolean
  /** Snapshot handlers answer when the schedule says so, instead of at once. */
  readonly streams?: boolean
  /** One unread item and one of history: a reader that does not read is conflated. */
  readonly tight?: boolean
  /** Handlers read a state that is one commit behind, as far as the trail reaches back. */
  readonly stale?: boolean
  /** The steps before. */
  readonly begins?: readonly Step[]
}

const isFull = process.env.HEADWATER_FULL === "1"
const STEPS_MAX = isFull ? 7 : 4
const PUBLISHES_MAX = 3
const READERS_MAX = 2
const TTL_MS = 10_000

/** A clock whose turns of the event loop come when a test says so. */
class TurningClock extends ManualClock {
  #turns: (() => void)[] = []

  override yield(): Promise<void> {
    return new Promise((resolve) => this.#turns.push(resolve))
  }

  turn(): void {
    const turns = this.#turns
    this.#turns = []
    for (const turn of turns) turn()
  }
}

/** A snapshot that was asked for. */
interface Build {
  readonly signal: AbortSignal
  readonly read: () => void
  readonly finish: () => void
  isRead: boolean
}

class Play {
  readonly clock = new TurningClock()
  readonly epochs = new Lives()
  readonly engine: Engine
  readonly publisher: EventPublisher<string>
  readonly variant: Variant
  readonly readers: ModelReader[] = []
  gone: ModelReader | undefined
  builds: Build[] = []
  published = 0
  resumed = 0
  // The part of each subject's state from before the first subscription.
  readonly #openedAt = new Map<string, number>()
  #joined = 0

  constructor(variant: Variant, engine: Engine) {
    this.engine = engine
    this.variant = variant
    const limits: Partial<StreamLimits> = variant.tight
      ? { unreadItemsMax: 1, historyItemsMax: 1 }
      : {}
    this.publisher = new EventPublisher<string>({ clock: this.clock, engine, limits })
    const handler = (
      { subject }: { subject: string },
      append: (events: readonly Event<string>[]) => void,
      signal: AbortSignal,
    ) => {
      const commits = () => this.epochs.commitsOf(subject)
      if (!variant.streams) {
        const opened = this.#openedAt.get(subject) ?? 0
        const { revision: newest } = this.epochs
        const revision = variant.stale ? Math.max(opened, newest - 1) : newest
        for (const commit of commits()) if ((commit[0]?.revision ?? 0) <= revision) append(commit)
        return revision
      }
      return this.#ask(commits, append, signal)
    }
    this.publisher.register("t", handler, { wildcard: true })
  }

  /** Plays one step, and lets what it set off settle. */
  async play(step: Step): Promise<void> {
    await STEPS[step].act(this)
    await this.settle()
    this.publisher.assertInvariants()
  }

  /** The steps that are possible next. */
  get next(): Step[] {
    return (Object.keys(STEPS) as Step[]).filter((step) => STEPS[step].isOpen(this))
  }

  get build(): Build | undefined {
    return this.builds.find(({ signal }) => !signal.aborted)
  }

  subscribe(subject: string, back?: ModelReader): void {
    const from = back === undefined ? {} : { from: back.revision, epoch: back.subscription.epoch }
    const isFirst = !this.readers.some((reader) => reader.subject === subject)
    if (isFirst) this.#openedAt.set(subject, this.epochs.revision)
    const subscription = this.publisher.subscribe({ topic: "t", subject, ...from })
    // Every other one reads only when it must, so that trails are held at different places.
    const isLazy = this.#joined++ % 2 === 1
    const life = this.epochs.current
    const resetsMax = this.variant.tight ? Number.POSITIVE_INFINITY : 0
    this.readers.push(new ModelReader(subscription, { subject, life, isLazy, resetsMax, back }))
  }

  close(reader: ModelReader): void {
    this.readers.splice(this.readers.indexOf(reader), 1)
    if (reader.resumed) this.resumed++
    if (reader.revision > 0) this.gone = reader
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 6; turn++) await Promise.resolve()
    for (const reader of this.readers) if (!reader.isLazy) reader.read()
  }

  /** Plays to the end: each reader has everything. */
  async end(): Promise<void> {
    // First the builds without readers, which must be ignored.
    this.builds.sort((a, b) => Number(b.signal.aborted) - Number(a.signal.aborted))
    while (this.builds.length > 0) {
      const build = this.builds.shift()
      if (build?.isRead === false) build.read()
      build?.finish()
      await this.settle()
    }
    while (this.publisher.stats().queued > 0) {
      this.clock.turn()
      await this.settle()
    }
    for (const reader of this.readers) {
      reader.read()
      reader.expectAll()
      if (reader.resumed) this.resumed++
    }
    this.publisher.close()
    this.clock.turn()
    await this.settle().catch(() => {})
    const left = this.engine.liveBytes() + this.clock.timers
    if (left > 0) throw new Error("bytes or timers are left")
  }

  #ask(
    commits: () => readonly (readonly Event<string>[])[],
    append: (events: readonly Event<string>[]) => void,
    signal: AbortSignal,
  ): Promise<number> {
    return new Promise((resolve) => {
      let revision = 0
      let rest: (readonly Event<string>[])[] = []
      const build: Build = {
        signal,
        isRead: false,
        read: () => {
          build.isRead = true
          rest = [...commits()]
          revision = this.epochs.revision
          for (const commit of rest.splice(0, Math.ceil(rest.length / 2))) append(commit)
        },
        finish: () => {
          for (const commit of rest) append(commit)
          resolve(revision)
        },
      }
      this.builds.push(build)
    })
  }
}

const STEPS = {
  publish: {
    isOpen: ({ published }: Play) => published < PUBLISHES_MAX,
    act: (play: Play) => {
      play.published++
      const commit = play.epochs.commit()
      if (play.variant.offers) void play.publisher.offer(commit).catch(() => {})
      else play.publisher.publish(commit)
    },
  },
  turn: {
    isOpen: ({ publisher }: Play) => publisher.stats().queued > 0,
    act: ({ clock }: Play) => clock.turn(),
  },
  join: {
    isOpen: ({ readers }: Play) => readers.length < READERS_MAX,
    act: (play: Play) => play.subscribe("a"),
  },
  joinEvery: {
    isOpen: ({ readers }: Play) => readers.length < READERS_MAX,
    act: (play: Play) => play.subscribe(EVERY_SUBJECT),
  },
  back: {
    isOpen: ({ gone, readers }: Play) => gone !== undefined && readers.length < READERS_MAX,
    act: (play: Play) => {
      const { gone } = play
      play.gone = undefined
      if (gone !== undefined) play.subscribe(gone.subject, gone)
    },
  },
  leave: {
    isOpen: ({ readers }: Play) => readers.length > 0,
    act: (play: Play) => {
      const [first] = play.readers as [ModelReader]
      first.read()
      first.subscription.close()
      play.close(first)
    },
  },
  read: {
    isOpen: ({ build }: Play) => build?.isRead === false,
    act: ({ build }: Play) => build?.read(),
  },
  finish: {
    isOpen: ({ build }: Play) => build?.isRead === true,
    act: (play: Play) => {
      const { build } = play
      build?.finish()
      play.builds = play.builds.filter((other) => other !== build)
    },
  },
  expire: {
    isOpen: ({ clock }: Play) => clock.timers > 0,
    act: ({ clock }: Play) => clock.advance(TTL_MS),
  },
  refresh: {
    isOpen: () => true,
    act: (play: Play) => {
      for (const reader of play.readers) if (!reader.isLazy) reader.read()
      play.epochs.renew()
      play.publisher.refresh("t")
      for (const reader of [...play.readers]) {
        reader.expectClosed("refresh")
        play.close(reader)
      }
    },
  },
} satisfies Record<
  string,
  { isOpen: (play: Play) => boolean; act: (play: Play) => void | Promise<void> }
>

/** Plays a schedule to its end; returns the steps that were possible next, and the resumes. */
async function playAll(
  play: Play,
  steps: readonly Step[],
): Promise<{ readonly next: readonly Step[]; readonly resumed: number }> {
  try {
    for (const step of steps) await play.play(step)
    const { next } = play
    await play.end()
    return { next, resumed: play.resumed }
  } catch (error) {
    throw new Error(`after ${steps.join(", ")}`, { cause: error })
  }
}

const TWO_JOIN: readonly Step[] = ["joinEvery", "joinEvery"]

describe("every interleaving (model)", () => {
  const variants: readonly Variant[] = [
    { name: "states that are read at once" },
    { name: "states that are read bit by bit", streams: true },
    { name: "commits that are offered", streams: true, offers: true },
    { name: "readers that are conflated", tight: true },
    { name: "somebody who listens already", begins: ["join", "publish"] },
    { name: "states that are a commit behind", stale: true, begins: ["join", "publish"] },
    { name: "a history that is too short", tight: true, begins: ["publish", ...TWO_JOIN] },
    { name: "commits that are told late", offers: true, begins: ["publish", ...TWO_JOIN] },
    { name: "a state that was read before", streams: true, begins: ["join", "read", "finish"] },
  ]

  test.each(variants)(
    "U10: no gap, no repeat, framing right, with $name",
    async (variant) => {
      const build = isFull ? {} : { build: debugBuild }
      const engine = createEngine({ ...build, bytesMax: 4 * 2 ** 20 })
      let played = 0
      let resumed = 0
      const { begins = [] } = variant
      const stepsMax = isFull && begins.length > 0 ? STEPS_MAX - 1 : STEPS_MAX
      const schedules: Step[][] = [[]]
      for (let steps = schedules.pop(); steps !== undefined; steps = schedules.pop()) {
        const { next, ...counts } = await playAll(new Play(variant, engine), [...begins, ...steps])
        played++
        resumed += counts.resumed
        if (steps.length < stepsMax) for (const step of next) schedules.push([...steps, step])
      }
      const counts = `${played} schedules of up to ${stepsMax} steps, ${resumed} readers resumed`
      console.log(`${counts}, with ${variant.name}`)
      if (isFull || begins.length > 0) expect(resumed).toBeGreaterThan(0)
    },
    1_200_000,
  )
})
