import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { connect } from "@headwater/client"
import { freePort } from "@headwater/testing/etcd"
import { expect, test } from "vitest"
import { HubProcess, pause, type RuntimeName } from "./hub-process.ts"

const RUNTIMES = ["node", "bun", "deno"] as const

/** Secrets that a hub is given in every way it takes them, and that no line may have. */
const SECRET = "hunter2-hunter2-hunter2-hunter2"
const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzZWNyZXQifQ.c2lnbmF0dXJlLW9mLWh1bnRlcjI"

interface Line {
  readonly level: string
  readonly message: string
  readonly topic?: string
}

const linesOf = ({ output }: HubProcess): Line[] =>
  output
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line))

test.each(RUNTIMES)("a hub on %s reloads, and its readers do not notice", async (runtime) => {
  const folder = await mkdtemp(join(tmpdir(), "headwater-reload-"))
  const file = join(folder, "hub.yaml")
  const write = async (text: string) => {
    await writeFile(`${file}.next`, text)
    await rename(`${file}.next`, file)
  }
  await write("topic: [a=memory:, b=memory:]\nlog-level: debug\n")
  const hub = await started(runtime, file, folder)
  const said = async (text: string) => {
    while (!hub.output.includes(text)) await pause(20)
  }
  const topics = async () => {
    const answer = (await (await fetch(`${hub.url}/v1/topics`)).json()) as {
      topics: readonly { topic: string }[]
    }
    return answer.topics.map(({ topic }) => topic)
  }
  const reports: string[] = []
  const replica = connect({
    url: hub.url,
    topic: "a",
    report: ({ type }) => reports.push(type),
  })
  try {
    await replica.ready
    await write("topic: [a=memory:, c=memory:]\nlog-level: info\nstreams: 77\n")
    await said("hub.yaml changed): log-level info; streams 77; topics added: c; topics removed: b")
    expect(await topics()).toEqual(["a", "c"])

    await write("topic: [a=memory:]\nstreems: 5\n")
    hub.signal("SIGHUP")
    await said('line 2: no setting is called \\"streems\\"; did you mean streams?')
    expect(await topics()).toEqual(["a", "c"])

    const put = { method: "PUT", headers: { "content-type": "application/json" }, body: "1" }
    expect((await fetch(`${hub.url}/v1/topics/a/entry?key=k`, put)).status).toBe(200)
    while (replica.get("k") !== 1) await pause(20)
    expect(reports).toEqual([])
    await refusals(hub)
    expect(await hub.stop()).toBe(0)

    const lines = linesOf(hub)
    const said1 = lines.map(({ level, message }) => `${level} ${message}`)
    expect(said1).toContain("debug a reader came")
    expect(said1).toContain("info stopping")
    expect(said1.at(-1)).toBe("info stopped")
    // Every line of standard error is JSON, so a collector can read all of them.
    expect(hub.output.split("\n").filter((line) => line !== "").length).toBe(lines.length)
    for (const secret of [SECRET, JWT, "hunter2"]) expect(hub.output).not.toContain(secret)
    expect(await readFile(join(folder, "password"), "utf8")).toBe(SECRET)
  } finally {
    await replica.close()
    await hub.stop("SIGKILL")
    await rm(folder, { recursive: true })
  }
})

async function started(runtime: RuntimeName, file: string, folder: string): Promise<HubProcess> {
  const password = join(folder, "password")
  await writeFile(password, SECRET)
  const env = {
    HEADWATER_HUB_TOKEN: JWT,
    HEADWATER_ETCD_USERNAME: "u",
    HEADWATER_ETCD_PASSWORD_FILE: password,
    // Kubernetes sets such variables for a Service called headwater.
    HEADWATER_PORT: "tcp://10.0.0.1:8080",
    HEADWATER_SERVICE_HOST: "10.0.0.1",
  }
  const hub = await HubProcess.start(runtime, await freePort(), ["--config", file], env)
  await hub.ready()
  expect(hub.output).toContain("ignored HEADWATER_PORT, HEADWATER_SERVICE_HOST, which Kubernetes")
  return hub
}

/** Sends secrets in every part of a request that could come into a log. */
async function refusals({ url }: HubProcess): Promise<void> {
  const headers = { authorization: `Bearer ${JWT}`, cookie: `headwater=${SECRET}` }
  for (const path of [
    `/v1/topics/${SECRET}/stream`,
    `/v1/topics/a/entries?token=${SECRET}`,
    `/v1/topics/a/entry?key=${SECRET}`,
    `/v1/topics/a/stream?last-event-id=${JWT}`,
  ]) {
    const response = await fetch(`${url}${path}`, { headers })
    await response.body?.cancel()
  }
  const body = JSON.stringify({ password: SECRET })
  await fetch(`${url}/v1/topics/a/batch`, { method: "POST", headers, body })
}
