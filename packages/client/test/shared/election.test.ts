import { prng } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import {
  type ElectionEffect,
  type ElectionEvent,
  type ElectionPhase,
  elect,
  newElection,
} from "../../src/shared/election.ts"

const FULL = process.env.HEADWATER_FULL === "1"
const HISTORIES = FULL ? 20_000 : 300
const STEPS = 120
const seed = Number(process.env.HEADWATER_SEED ?? Math.trunc(Math.random() * 2 ** 31))

describe("elect()", () => {
  const phases: ElectionPhase[] = ["seeking", "following", "suspecting", "leading", "closed"]
  const events: ElectionEvent[] = [
    ...(["begin", "granted", "stolen", "asked", "silent", "waited", "close"] as const).map(
      (type) => ({ type }),
    ),
    ...["a", "b", "self"].flatMap((leader) =>
      (["heard", "alive", "dead"] as const).map((type) => ({ type, leader })),
    ),
  ]
  const leaderOf = (phase: ElectionPhase) =>
    phase === "leading" ? "self" : phase === "seeking" || phase === "closed" ? undefined : "a"

  test.each(phases.flatMap((phase) => events.map((event) => [phase, event] as const)))(
    "%s answers %o: leads and hosts together, and is joined where there is a leader",
    (phase, event) => {
      const before = { self: "self", phase, leader: leaderOf(phase) }
      const { state, effects } = elect(before, event)
      const count = (effect: ElectionEffect) => effects.filter((one) => one === effect).length
      const hosts = Number(phase === "leading") + count("host") - count("unhost")
      const joined = Number(before.leader !== undefined) + count("join") - count("leave")

      if (event.type === "begin") return
      expect(hosts).toBe(Number(state.phase === "leading"))
      expect(joined).toBe(Number(state.leader !== undefined))
      expect(state.leader === "self").toBe(state.phase === "leading")
      if (phase === "closed") expect({ state, effects }).toEqual({ state: before, effects: [] })
    },
  )
})

/** A tab of the model: the state machine, and what its effects did to the world. */
class Tab {
  state
  isFrozen = false
  isGone = false
  isHosting = false
  joined: string | undefined
  /** The random wait before a theft is under way. */
  isWaiting = false
  readonly inbox: ElectionEvent[] = []

  constructor(name: string) {
    this.state = newElection(name)
  }

  get name(): string {
    return this.state.self
  }

  get isAwake(): boolean {
    return !this.isFrozen && !this.isGone
  }
}

/** Tabs, one lock, and a lobby whose messages come late, in the order of each receiver. */
class World {
  readonly tabs: Tab[] = []
  owner: Tab | undefined
  readonly queue: Tab[] = []

  open(): void {
    const tab = new Tab(`tab-${this.tabs.length}`)
    this.tabs.push(tab)
    this.give(tab, { type: "begin" })
  }

  give(tab: Tab, event: ElectionEvent): void {
    const { state, effects } = elect(tab.state, event)
    tab.state = state
    for (const effect of effects) this.#act(tab, effect)
    this.#grant()
  }

  /** The tab ends without a word; the browser gives its lock back. */
  crash(tab: Tab): void {
    tab.isGone = true
    tab.isHosting = false
    this.#forget(tab)
    this.#grant()
  }

  #act(tab: Tab, effect: ElectionEffect): void {
    const others = this.tabs.filter((other) => other !== tab && !other.isGone)
    switch (effect) {
      case "queue":
        this.queue.push(tab)
        break
      case "steal":
        if (this.owner && this.owner !== tab) this.owner.inbox.push({ type: "stolen" })
        this.#forget(tab)
        this.owner = tab
        tab.inbox.push({ type: "granted" })
        break
      case "ask":
        for (const other of others) other.inbox.push({ type: "asked" })
        break
      case "announce":
        for (const other of others) other.inbox.push({ type: "heard", leader: tab.name })
        break
      case "draw":
      case "wait":
        tab.isWaiting = true
        break
      case "host":
        tab.isHosting = true
        break
      case "unhost":
        tab.isHosting = false
        break
      case "join":
        expect(tab.joined).toBeUndefined()
        tab.joined = tab.state.leader
        break
      case "leave":
        tab.joined = undefined
        break
      case "ping":
        break
      case "release":
        this.#forget(tab)
    }
  }

  #forget(tab: Tab): void {
    if (this.owner === tab) this.owner = undefined
    for (let at = this.queue.indexOf(tab); at >= 0; at = this.queue.indexOf(tab)) {
      this.queue.splice(at, 1)
    }
  }

  #grant(): void {
    const next = this.owner ? undefined : this.queue.shift()
    if (!next) return
    this.owner = next
    next.inbox.push({ type: "granted" })
  }

  named(name: string | undefined): Tab | undefined {
    return this.tabs.find((tab) => tab.name === name)
  }
}

/** Does one thing that may happen to a tab. */
function happen(world: World, tab: Tab, random: () => number): void {
  const draw = random()
  if (tab.isGone) return
  if (draw < 0.03) world.crash(tab)
  else if (draw < 0.06) tab.isFrozen = !tab.isFrozen
  else if (!tab.isFrozen && draw < 0.08) {
    world.give(tab, { type: "close" })
    world.crash(tab)
  } else if (!tab.isFrozen) proceed(world, tab)
}

/** Gives a tab that is awake its next event, if there is one. */
function proceed(world: World, tab: Tab): boolean {
  const event = tab.inbox.shift()
  if (event) {
    world.give(tab, event)
    return true
  }
  const leader = world.named(tab.joined)
  if (tab.state.phase === "suspecting") {
    const isAlive = leader?.isAwake && leader.isHosting
    world.give(tab, { type: isAlive ? "alive" : "dead", leader: tab.joined! })
    return true
  }
  if (tab.isWaiting) {
    tab.isWaiting = false
    world.give(tab, { type: "waited" })
    return true
  }
  // A stream of a leader that is frozen, gone, or no longer hosts, falls silent.
  if (tab.state.phase === "following" && !(leader?.isAwake && leader.isHosting)) {
    world.give(tab, { type: "silent" })
    return true
  }
  return false
}

describe("tabs that open, freeze, close and crash at random", () => {
  test("come to one leader, which all of them have joined", () => {
    console.log(`election: HEADWATER_SEED=${seed}`)
    const random = prng(seed)
    for (let history = 0; history < HISTORIES; history++) {
      const world = new World()
      for (let tabs = 1 + Math.floor(random() * 6); tabs > 0; tabs--) world.open()
      for (let step = 0; step < STEPS; step++) {
        if (random() < 0.05) world.open()
        happen(world, world.tabs[Math.floor(random() * world.tabs.length)]!, random)
      }
      // From now on nothing ends and nothing freezes: one of them is awake, and all messages come.
      world.open()
      let rounds = 0
      for (let isMoving = true; isMoving; rounds++) {
        isMoving = false
        for (const tab of world.tabs.filter((tab) => tab.isAwake)) {
          isMoving = proceed(world, tab) || isMoving
        }
        expect(rounds, `history ${history} of seed ${seed} does not come to rest`).toBeLessThan(500)
      }
      const awake = world.tabs.filter((tab) => tab.isAwake)
      const leaders = awake.filter((tab) => tab.isHosting)
      const label = `history ${history} of seed ${seed}`

      expect(leaders.length, label).toBe(1)
      expect(world.owner, label).toBe(leaders[0])
      expect(new Set(awake.map((tab) => tab.joined)), label).toEqual(new Set([leaders[0]!.name]))
    }
  })
})
