import { Digest, type Frame } from "@headwater/protocol"
import { describe, expect, test } from "vitest"
import { commitsOf, waitFor } from "../src/follow.ts"
import type { Replica, ReplicaCommit, ReplicaEntry } from "../src/index.ts"
import { LiveReplica } from "../src/live-replica.ts"
import { assertInvariants } from "../src/replica-invariants.ts"
import { ReplicaShare } from "../src/replica-share.ts"
import { entriesOf } from "./scripted-hub.ts"

type Change = Extract<Frame, { type: "delta" }>["changes"][number]

const put = (key: string, revision: number, value: unknown = revision): Change => ({
  op: "put",
  key,
  value,
  revision,
})
const del = (key: string, revision: number): Change => ({ op: "delete", key, revision })
const touch = (key: string, revision: number): Change => ({ op: "touch", key, revision })

// A replica without a link: frames are handed to it, as a client would.
function wired(): {
  replica: Replica
  take(frame: Frame): void
  commit(revision: number, ...changes: Change[]): void
} {
  const live = new LiveReplica()
  const replica = new ReplicaShare(live, { urls: [] }, {})
  const take = (frame: Frame) => {
    live.take(frame, false, 0)
    assertInvariants(live.state)
  }
  live.state.begin()
  take({
    type: "hello",
    protocol: 1,
    topic: "default",
    epoch: "e",
    values: "json",
    view: "",
    heartbeatMs: 8_000,
    frameBytesMax: 65_536,
    resumed: false,
    policy: "conflate",
  })
  return {
    replica,
    take,
    commit(revision, ...changes) {
      if (replica.position) take({ type: "delta", revision, changes, id: `e.${revision}` })
      else {
        take({ type: "delta", revision, changes })
        take({ type: "sync", revision, entries: replica.size, id: `e.${revision}` })
      }
    },
  }
}

describe("changes()", () => {
  test("yields first all entries as new, then every commit, whole", async () => {
    const { replica, commit } = wired()
    const commits = commitsOf(replica)
    const first = commits.next()
    commit(2, put("a", 1), put("b", 2))

    expect((await first).value).toEqual({
      position: { epoch: "e", revision: 2 },
      changes: [
        { type: "new", entry: { key: "a", value: 1, revision: 1 } },
        { type: "new", entry: { key: "b", value: 2, revision: 2 } },
      ],
    })

    const second = commits.next()
    commit(4, put("a", 3), del("b", 4), put("c", 4))

    expect((await second).value).toEqual({
      position: { epoch: "e", revision: 4 },
      changes: [
        {
          type: "updated",
          entry: { key: "a", value: 3, revision: 3 },
          previous: { key: "a", value: 1, revision: 1 },
        },
        { type: "deleted", previous: { key: "b", value: 2, revision: 2 } },
        { type: "new", entry: { key: "c", value: 4, revision: 4 } },
      ],
    })
  })

  test("yields an empty topic once, so that a consumer knows that it is whole", async () => {
    const { replica, commit } = wired()
    commit(1)

    expect(await commitsOf(replica).next()).toEqual({
      done: false,
      value: { position: { epoch: "e", revision: 1 }, changes: [] },
    })
  })

  test("DB-B1, DB-B3, DB-B4: merges commits for a slow consumer, as it sees them", async () => {
    const { replica, commit } = wired()
    commit(1, put("a", 1), put("b", 1), put("same", 1, "x"))
    const commits = commitsOf(replica)
    await commits.next()
    commit(2, put("a", 2), put("flash", 2), put("same", 2, "y"))
    commit(3, put("a", 3), del("b", 3), del("flash", 3), put("same", 3, "x"))
    commit(4, put("b", 4))
    const { value } = await commits.next()

    expect(value?.position).toEqual({ epoch: "e", revision: 4 })
    expect(
      value?.changes.map((change) => [change.type, "entry" in change && change.entry]),
    ).toEqual([
      ["updated", { key: "a", value: 3, revision: 3 }],
      ["updated", { key: "b", value: 4, revision: 4 }],
    ])
  })

  test("replayed onto an empty map gives the replica, at any pace", async () => {
    const { replica, commit } = wired()
    const copy = new Map<string, unknown>()
    const commits = commitsOf(replica)
    for (let revision = 1; revision <= 60; revision++) {
      const key = `k${(revision * 7) % 11}`
      commit(revision, revision % 3 === 0 ? del(key, revision) : put(key, revision, revision % 5))
      if (revision % 4 === 0) replay(copy, (await commits.next()).value!)
    }

    expect([...copy].sort()).toEqual(entriesOf(replica))
  })

  test("yields nothing for a touch, nor for the same value written again", async () => {
    const { replica, commit } = wired()
    const value = { list: [1, { deep: true }] }
    commit(1, put("a", 1, value))
    const entry = replica.getEntry("a")!
    const seen: unknown[] = []
    replica.subscribe((_, commit) => seen.push(commit))
    commit(2, touch("a", 2))
    commit(3, put("a", 3, structuredClone(value)))

    expect(seen).toEqual([undefined])
    expect(replica.getEntry("a")).toEqual({ key: "a", value, revision: 3 })
    expect(replica.get("a")).toBe(entry.value)
  })

  test("rejects with the abort's reason, also where it waits", async () => {
    const { replica, commit } = wired()
    commit(1)
    const abort = new AbortController()
    const commits = commitsOf(replica, abort.signal)
    await commits.next()
    const next = commits.next().catch((error: Error) => error.message)
    abort.abort(new Error("left"))

    expect(await next).toBe("left")
    expect(await commits.next()).toEqual({ done: true, value: undefined })
  })

  test("yields the rest before it ends with the replica", async () => {
    const { replica, commit } = wired()
    commit(1)
    const commits = commitsOf(replica)
    await commits.next()
    commit(2, put("a", 2))
    await replica.close()

    expect((await commits.next()).value?.changes.length).toBe(1)
    expect(await commits.next()).toEqual({ done: true, value: undefined })
  })
})

describe("10,000 waits", () => {
  test("leave no listener, be they aborted or over", async () => {
    const { replica, commit } = wired()
    commit(1)
    const listeners = new Set<unknown>()
    const kept = new AbortController()
    countListeners(kept.signal, listeners)
    const waits = Array.from({ length: 10_000 }, (_, n) => {
      const abort = n % 2 ? kept : new AbortController()
      if (abort !== kept) countListeners(abort.signal, listeners)
      const wait = waitFor(replica, { epoch: "e", revision: 2 }, abort.signal)
      if (abort !== kept) abort.abort(new Error("enough"))
      return wait.catch((error: Error) => error.message)
    })
    await Promise.all(waits.filter((_, n) => n % 2 === 0))
    // Waits on one signal share a listener: Node warns of a leak at the eleventh.
    expect(listeners.size).toBe(1)
    commit(2)

    expect(new Set(await Promise.all(waits))).toEqual(new Set(["enough", undefined]))
    expect(listeners.size).toBe(0)
  })
})

/** Keeps, in a set, the listeners of a signal. */
function countListeners(signal: AbortSignal, listeners: Set<unknown>): void {
  const { addEventListener, removeEventListener } = AbortSignal.prototype
  signal.addEventListener = (
    type: string,
    listener: EventListener,
    options?: AddEventListenerOptions,
  ) => {
    listeners.add(listener)
    addEventListener.call(signal, type, listener, options)
    if (options?.once) addEventListener.call(signal, type, () => listeners.delete(listener))
  }
  signal.removeEventListener = (type: string, listener: EventListener) => {
    listeners.delete(listener)
    removeEventListener.call(signal, type, listener)
  }
}

describe("getSnapshot()", () => {
  test("is the same object until an entry changes", () => {
    const { replica, commit } = wired()
    const before = replica.getSnapshot()
    commit(1, put("a", 1))
    const first = replica.getSnapshot()
    commit(2)

    expect(before.position).toBeUndefined()
    expect(replica.getSnapshot()).toBe(first)
    expect(replica.position).toEqual({ epoch: "e", revision: 2 })

    commit(3, del("a", 3))
    expect(replica.getSnapshot()).not.toBe(first)
  })

  test("stays what it was, however far the replica moves on", () => {
    const { replica, commit } = wired()
    const model = new Map<string, ReplicaEntry>()
    const kept: { snapshot: ReturnType<typeof replica.getSnapshot>; entries: ReplicaEntry[] }[] = []
    const sorted = (entries: Iterable<ReplicaEntry>) =>
      [...entries].sort((a, b) => (a.key < b.key ? -1 : 1))
    for (let revision = 1; revision <= 200; revision++) {
      const key = `k${(revision * 13) % 17}`
      if (revision % 3 === 0) {
        commit(revision, del(key, revision))
        model.delete(key)
      } else {
        commit(revision, put(key, revision))
        model.set(key, { key, value: revision, revision })
      }
      if (revision % 10 === 0) {
        kept.push({ snapshot: replica.getSnapshot(), entries: sorted(model.values()) })
      }
    }

    for (const { snapshot, entries } of kept) {
      expect(sorted(snapshot.entries())).toEqual(entries)
      expect(snapshot.size).toBe(entries.length)
      const read = Array.from({ length: 17 }, (_, k) => snapshot.getEntry(`k${k}`))
      expect(sorted(read.filter((entry) => entry !== undefined))).toEqual(entries)
    }
  })

  test("has moved on when a status listener runs; older snapshots have not", () => {
    const { replica, take, commit } = wired()
    commit(1, put("a", 1))
    const before = replica.getSnapshot()
    const seen: unknown[] = []
    replica.subscribeStatus(() => seen.push([before.get("a"), replica.getSnapshot().get("a")]))
    const digest = new Digest()
    digest.add("a", 2)
    take({ type: "delta", revision: 2, changes: [put("a", 2)] })
    take({ type: "sync", revision: 2, entries: 1, digest: `${digest}`, id: "e.2" })

    expect(seen).toEqual([[1, 2]])
  })

  test("entries() may be read while the replica moves on", () => {
    const { replica, commit } = wired()
    commit(1, put("a", 1), put("b", 1))
    const keys: string[] = []
    for (const { key } of replica.entries()) {
      keys.push(key)
      commit(replica.position!.revision + 1, del("b", 5), put(`x${keys.length}`, 5))
    }

    expect(keys).toEqual(["a", "b"])
  })
})

describe("subscribe()", () => {
  test("calls at once, then after every commit, and not after it ended", () => {
    const { replica, commit } = wired()
    const seen: [number, ReplicaCommit | undefined][] = []
    const end = replica.subscribe((snapshot, commit) => seen.push([snapshot.size, commit]))
    commit(1, put("a", 1))
    end()
    end()
    commit(2, put("b", 2))

    expect(seen).toEqual([
      [0, undefined],
      [
        1,
        {
          position: { epoch: "e", revision: 1 },
          changes: [{ type: "new", entry: { key: "a", value: 1, revision: 1 } }],
        },
      ],
    ])
  })

  test("one function subscribed twice is two subscriptions", () => {
    const { replica, commit } = wired()
    let calls = 0
    const listener = () => {
      calls += 1
    }
    const end = replica.subscribe(listener)
    replica.subscribe(listener)
    end()
    commit(1, put("a", 1))

    expect(calls).toBe(3)
  })
})

describe("waitFor()", () => {
  test("resolves at the position, and at once when it is reached", async () => {
    const { replica, commit } = wired()
    const wait = waitFor(replica, { epoch: "e", revision: 2 })
    commit(1)
    commit(3)

    await wait
    await waitFor(replica, { epoch: "e", revision: 3 })
    expect(replica.position).toEqual({ epoch: "e", revision: 3 })
  })

  test("rejects when another epoch begins that is not the position's", async () => {
    const { replica, take, commit } = wired()
    commit(1)
    const old = waitFor(replica, { epoch: "e", revision: 9 }).catch((error) => error)
    const coming = waitFor(replica, { epoch: "f", revision: 1 })
    take({ type: "reset", reason: "epoch-changed", epoch: "f", id: "f.0" })
    const digest = `${new Digest()}`
    take({ type: "sync", revision: 1, entries: 0, digest, id: "f.1" })

    expect(await old).toMatchObject({ code: "ERR_EPOCH_CHANGED", recovery: "resync" })
    await coming
  })
})

function replay(copy: Map<string, unknown>, { changes }: ReplicaCommit): void {
  for (const change of changes) {
    if (change.type === "deleted") expect(copy.delete(change.previous.key)).toBe(true)
    else {
      expect(copy.has(change.entry.key)).toBe(change.type === "updated")
      copy.set(change.entry.key, change.entry.value)
    }
  }
}
