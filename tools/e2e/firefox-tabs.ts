/**
 * Follows a topic in many tabs of Firefox, closes the tab that leads, and prints what the tabs have
 * seen as one line of JSON. Arguments: binary, port, page, hub, number of tabs, worker or nothing.
 *
 * @module
 */
import { Firefox } from "./firefox.ts"

const [binary, port, page, hub, count, worker] = process.argv.slice(2) as string[]
const firefox = await Firefox.start(binary!, Number(port))
try {
  const tabs: string[] = []
  for (let tab = 0; tab < Number(count); tab++) {
    const opened = await firefox.open(page!)
    while (!(await firefox.evaluate(opened, '"tab" in globalThis'))) await soon()
    const args = [hub, worker || false].map((arg) => JSON.stringify(arg)).join(", ")
    await firefox.evaluate(opened, `tab.follow(${args})`)
    tabs.push(opened)
  }
  await writeAndShow(tabs, 0)
  for (let turn = 1; turn < 4 && !worker; turn++) {
    const leading = await Promise.all(tabs.map((tab) => firefox.evaluate(tab, "tab.isLeading()")))
    await firefox.close(tabs.splice(leading.indexOf(true), 1)[0]!)
    await writeAndShow(tabs, turn)
  }
  const seen = await Promise.all(tabs.map((tab) => firefox.evaluate(tab, "tab.seen()")))
  const { topics } = (await (await fetch(`${hub}/v1/topics`)).json()) as {
    topics: { subscribers: number }[]
  }
  console.log(JSON.stringify({ seen, streams: topics[0]!.subscribers }))
} finally {
  firefox.stop()
}

async function writeAndShow(tabs: readonly string[], value: number): Promise<void> {
  await firefox.evaluate(tabs[0]!, `tab.write(${JSON.stringify(hub)}, "firefox", ${value})`)
  for (const tab of tabs) {
    const isShown = `(({ state, entries }) => state === "live" &&
      entries.some(([key, value]) => key === "firefox" && value === ${value}))(tab.seen())`
    while (!(await firefox.evaluate(tab, isShown))) await soon()
  }
}

function soon(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 25))
}
