/** A lock that every tab of the page holds, so that they can be counted. */
const TAB_LOCK = "headwater-example-tab"

const COUNT_MS = 1_000

/**
 * Shows how many tabs this browser has on one stream, and how many streams the hub serves, once a
 * second: tabs share a stream, and each further browser has one of its own.
 */
export function showStreams(hub: string, topic: string, show: (text: string) => void): void {
  const held = () => new Promise<never>(() => {}) // Until the tab is closed.
  navigator.locks?.request(TAB_LOCK, { mode: "shared" }, held).catch(() => {})
  const count = async () => {
    const locks = await navigator.locks?.query()
    const tabs = locks?.held?.filter(({ name }) => name === TAB_LOCK).length ?? 1
    const answer = await fetch(`${hub}/v1/topics/${topic}`)
    const { subscribers } = (await answer.json()) as { readonly subscribers: number }
    show(`${counted(tabs, "tab")} on one stream, ${counted(subscribers, "stream")}`)
  }
  const again = () => {
    count()
      .catch(() => show("the hub does not answer"))
      .finally(() => setTimeout(again, COUNT_MS))
  }
  again()
}

function counted(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : `${noun}s`}`
}
