// What the suites ask of a source, in words as short as a test wants them.

import type { Change, Commit, Entry, ListPage, ListRequest, Source } from "@headwater/core"
import { isSyncError, systemClock } from "@headwater/core"

/** Far beyond what a loaded machine needs: a verdict must not depend on its speed. */
const PATIENCE_MS = 120_000

/** A signal that is never aborted. */
export const never = new AbortController().signal

/** Follows a watch in the background and keeps the commits that it told. */
export function listen(source: Source, from: number) {
  const abort = new AbortController()
  const commits: Commit[] = []
  const state = { progress: 0 }
  const ended = (async () => {
    for await (const event of source.watch(from, abort.signal)) {
      if (event.type === "commits") commits.push(...event.commits)
      else if (event.type === "progress") state.progress = Math.max(state.progress, event.revision)
      else return
    }
  })().catch(() => {})

  return {
    ended,
    get progress() {
      return state.progress
    },
    async until(revision: number): Promise<Commit[]> {
      await eventually(() => (commits.at(-1)?.revision ?? 0) >= revision)
      return commits
    },
    async stop(): Promise<void> {
      abort.abort()
      await ended
    },
  }
}

/** All pages of a list. */
export async function pagesOf(source: Source, request: ListRequest = {}): Promise<ListPage[]> {
  const pages: ListPage[] = []
  for await (const page of source.list(request, never)) pages.push(page)
  return pages
}

/** All entries, by key. */
export async function entriesOf(source: Source, request: ListRequest = {}): Promise<Entry[]> {
  const entries = (await pagesOf(source, request)).flatMap((page) => page.entries)
  return entries.sort((one, other) => (one.key < other.key ? -1 : one.key > other.key ? 1 : 0))
}

/** The value of a key, as text; `undefined` when it is absent. */
export async function valueAt(source: Source, key: string): Promise<string | undefined> {
  const entry = (await entriesOf(source)).find((one) => one.key === key)
  return entry && text(entry.value)
}

/** Writes without conditions, and returns what a watch should tell of it. */
export async function commit(source: Source, changes: readonly Change[]): Promise<Commit> {
  const outcome = await source.write!({ conditions: [], changes }, never)
  if (!outcome.written) throw new Error("a write without conditions was refused")
  return { revision: outcome.revision, changes }
}

/** Writes without conditions; the revision. */
export async function write(source: Source, changes: readonly Change[]): Promise<number> {
  return (await commit(source, changes)).revision
}

/** Writes one key; the revision. */
export function put(source: Source, key: string, value: string): Promise<number> {
  return write(source, [putOf(key, value)])
}

/** Writes one value to many keys in one commit; the revision. */
export function putAll(source: Source, keys: readonly string[], value: string): Promise<number> {
  return write(
    source,
    keys.map((key) => putOf(key, value)),
  )
}

/** The change that writes a text. */
export function putOf(key: string, value: string): Change {
  return { op: "put", key, value: utf8(value) }
}

/** A commit as text: a runner that compares and prints large arrays of numbers is slow at it. */
export function shown({ revision, changes }: Commit): string {
  const lines = changes.map(
    (change) => `${change.op} ${change.key} ${change.op === "put" ? latin1(change.value) : ""}`,
  )
  return [revision, ...lines].join("\n")
}

/** The error that a promise rejects with. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  return "it did not reject"
}

/** The code of the error that a promise rejects with. */
export async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  const error = await rejectionOf(promise)
  return isSyncError(error) ? error.code : error
}

/** Runs `body` with a signal that is aborted when it takes too long. */
export function within(body: (signal: AbortSignal) => Promise<void>): Promise<void> {
  return body(AbortSignal.timeout(PATIENCE_MS))
}

/** Waits until it holds, for as long as patience lasts; the expectation after it tells. */
export async function eventually(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!holds() && performance.now() < deadline) await systemClock.sleep(5, never)
}

/** The bytes of a text. */
export function utf8(value: string): Uint8Array {
  return new TextEncoder().encode(value)
}

/** One character for each byte. */
export function latin1(value: Uint8Array): string {
  return new TextDecoder("latin1").decode(value)
}

/** The text of bytes. */
export function text(value: Uint8Array): string {
  return new TextDecoder().decode(value)
}
