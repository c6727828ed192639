import type { ReplicaStorage } from "./stored.ts"

/** The place in the IndexedDB. */
export interface IndexedDbOptions {
  /** Name of the database; `headwater` unless said otherwise. */
  readonly database?: string
}

// The calls of this file, so that no types of the DOM are needed to read the rest of the package.
interface Running {
  objectStore(name: string): {
    get(key: string): Asked<unknown>
    put(value: unknown, key: string): Asked<unknown>
  }
  oncomplete: (() => void) | null
  onabort: (() => void) | null
  readonly error: unknown
}
type Run = (
  name: string,
  mode: "readonly" | "readwrite",
  options?: { readonly durability: "strict" },
) => Running
type Opened = Record<"transaction", Run> & {
  createObjectStore(name: string): void
  close(): void
}
interface Asked<Result> {
  readonly result: Result
  readonly error: unknown
  onsuccess: (() => void) | null
  onerror: (() => void) | null
  onblocked?: (() => void) | null
  onupgradeneeded?: (() => void) | null
}
declare const indexedDB: { open(name: string, version: number): Asked<Opened> }

const STORE = "replicas"

/**
 * Keeps one state under a name in an IndexedDB. A transaction of the database replaces it whole or
 * not at all; the database is open only while it is used.
 *
 * @param name of the state: one for each replica.
 */
export function indexedDbStorage(name: string, options: IndexedDbOptions = {}): ReplicaStorage {
  const { database = "headwater" } = options
  return {
    load: () =>
      within(database, "readonly", async (store) => {
        const found = await answer(store.get(name))
        return found instanceof Uint8Array ? found : undefined
      }),
    save: (bytes) =>
      within(database, "readwrite", async (store) => {
        await answer(store.put(bytes, name))
      }),
  }
}

type Store = ReturnType<Running["objectStore"]>

async function within<Result>(
  database: string,
  mode: "readonly" | "readwrite",
  task: (store: Store) => Promise<Result>,
): Promise<Result> {
  const request = indexedDB.open(database, 1)
  request.onupgradeneeded = () => request.result.createObjectStore(STORE)
  const opened = await answer(request)
  try {
    const running = opened.transaction(STORE, mode, { durability: "strict" })
    const ended = new Promise<void>((resolve, reject) => {
      running.oncomplete = () => resolve()
      running.onabort = () => reject(running.error)
    })
    const result = await task(running.objectStore(STORE))
    await ended
    return result
  } finally {
    opened.close()
  }
}

function answer<Result>(request: Asked<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
