import { connect, type Replica } from "@headwater/client"
import { tabs } from "@headwater/client/shared"

/** The observations of a tab of the topic that it follows. */
export interface TabSeen {
  readonly state: string
  readonly entries: readonly (readonly [key: string, value: unknown])[]
  readonly revision: number
  readonly proven: number
  readonly mismatches: number
  readonly resets: number
  /** Steps to a lower revision: there must be none. */
  readonly backSteps: number
  readonly lost: readonly string[]
}

/** The members that a test finds in the window of a tab. */
export interface TabWindow {
  follow(url: string, worker: string | false, token?: string, topic?: string): void
  seen(): TabSeen
  write(url: string, key: string, value: unknown): Promise<number>
  isLeading(): Promise<boolean>
  close(): Promise<void>
}

let replica: Replica | undefined
const lost: string[] = []
let resets = 0
let backSteps = 0

const page: TabWindow = {
  follow(url, worker, token, topic = "t") {
    replica = connect({
      url,
      topic,
      token,
      fetch: tabs({ worker }),
      report: (report) => {
        if (report.type === "lost") lost.push(report.error.message)
        if (report.type === "reset") resets += 1
      },
    })
    let last = 0
    replica.subscribe(({ position }) => {
      if ((position?.revision ?? 0) < last) backSteps += 1
      last = position?.revision ?? 0
    })
  },

  seen() {
    const { status, position, proven } = replica!
    return {
      state: status.state,
      entries: [...replica!.entries()].map(({ key, value }) => [key, value] as const).sort(),
      revision: position?.revision ?? 0,
      proven: proven.count,
      mismatches: proven.mismatches,
      resets,
      backSteps,
      lost,
    }
  },

  /** Resolves with the time until the hub answered, in ms. */
  async write(url, key, value) {
    const begun = performance.now()
    const body = JSON.stringify(value)
    const headers = { "content-type": "application/json" }
    const target = `${url}/v1/topics/t/entries/${key}`
    const { ok } = await tabs({ worker: false })(target, { method: "PUT", headers, body })
    if (!ok) throw new Error("the hub refused the write")
    return performance.now() - begun
  },

  // The lock of a name that is this tab's alone tells which client of the browser it is.
  async isLeading() {
    const locks = navigator.locks as unknown as {
      request(name: string, task: () => Promise<unknown>): Promise<unknown>
      query(): Promise<{ held: { name: string; clientId: string }[] }>
    }
    const own = crypto.randomUUID()
    return (await locks.request(own, async () => {
      const { held } = await locks.query()
      const { clientId } = held.find(({ name }) => name === own)!
      return held.some((lock) => lock.name === "headwater-tabs-1" && lock.clientId === clientId)
    })) as boolean
  },

  close: async () => replica?.close(),
}

Object.assign(globalThis, { tab: page })
