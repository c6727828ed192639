// @ts-expect-error: a library without types.
import { createElement, useSyncExternalStore } from "react"
// @ts-expect-error: a library without types.
import { act, create } from "react-test-renderer"
// @ts-expect-error: the build for browsers, whose types are the library's.
import { createEffect, createRoot, from } from "solid-js/dist/solid.js"
import { derived, get } from "svelte/store"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { waitFor } from "../src/follow.ts"
import { connect, type Replica } from "../src/index.ts"
import { del, delta, type Exchange, hello, put, ScriptedHub, sync } from "./scripted-hub.ts"

// The examples of the README for user interfaces, run: a replica is a store of each as it is.

let hub: ScriptedHub
let replica: Replica
let stream: Exchange

beforeEach(async () => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  hub = await ScriptedHub.listen()
  replica = connect({ url: hub.url, topic: "t" })
  stream = await hub.next()
  stream.send(hello(), sync(1, []))
  await replica.ready
})

afterEach(async () => {
  await replica.close()
  await hub[Symbol.asyncDispose]()
})

async function moveTo(revision: number, ...changes: object[]): Promise<void> {
  stream.send(delta(revision, ...changes))
  await waitFor(replica, { epoch: "e", revision })
}

describe("a replica in a user interface", () => {
  test("React: useSyncExternalStore renders each commit, and nothing else", async () => {
    let renders = 0
    const Count = () => {
      const snapshot = useSyncExternalStore(replica.subscribe, replica.getSnapshot)
      renders += 1
      return createElement("p", null, `${snapshot.size} entries`)
    }
    // biome-ignore lint/suspicious/noExplicitAny: a library without types.
    let tree: any
    await act(async () => {
      tree = create(createElement(Count))
    })
    const shown = [tree.toJSON().children]
    await act(() => moveTo(2, put("a", 2), put("b", 2)))
    shown.push(tree.toJSON().children)
    await act(() => moveTo(3, del("never", 3)))
    await act(() => moveTo(4, del("a", 4)))
    shown.push(tree.toJSON().children)
    await act(async () => tree.unmount())
    await moveTo(5, put("c", 5))

    expect(shown).toEqual([["0 entries"], ["2 entries"], ["1 entries"]])
    expect(renders).toBe(3)
  })

  test("Svelte: it keeps the contract of stores", async () => {
    const sizes: number[] = []
    const end = derived(replica, ({ size }) => size).subscribe((size) => sizes.push(size))
    await moveTo(2, put("a", 2), put("b", 2))
    await moveTo(3, del("a", 3))
    end()
    await moveTo(4, put("c", 4))

    expect(sizes).toEqual([0, 2, 1])
    expect(get(replica)).toBe(replica.getSnapshot())
  })

  test("Solid: from() makes a signal of it", async () => {
    const sizes: number[] = []
    const dispose = createRoot((dispose: () => void) => {
      const snapshot = from(replica)
      createEffect(() => sizes.push(snapshot().size))
      return dispose
    })
    await moveTo(2, put("a", 2), put("b", 2))
    await moveTo(3, del("a", 3))
    dispose()
    await moveTo(4, put("c", 4))

    expect(sizes).toEqual([0, 2, 1])
  })
})
