import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { freePort } from "@headwater/testing/etcd"

/** Timeout until the hub is in sync with its source, in ms. */
const READY_MS = 60_000

/** A hub as a user runs it: a process of its own. */
export interface HubProcess {
  readonly url: string
  close(): Promise<void>
}

/** Starts a hub on a free port and waits until its topic is in sync; rejects if it never is. */
export async function startHub(topic: string, pageOrigin: string): Promise<HubProcess> {
  const listen = `127.0.0.1:${await freePort()}`
  const main = fileURLToPath(new URL("./main.js", import.meta.resolve("@headwater/server")))
  const args = [main, "--listen", listen, "--topic", topic, "--cors", pageOrigin]
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] })
  child.stdout?.resume()
  const close = () => end(child)
  try {
    await waitUntilReady(child, `http://${listen}`)
  } catch (error) {
    await close()
    throw error
  }
  return { url: `http://${listen}`, close }
}

async function waitUntilReady(child: ChildProcess, url: string): Promise<void> {
  const deadline = performance.now() + READY_MS
  while (child.exitCode === null && performance.now() < deadline) {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined)
    await answer?.body?.cancel()
    if (answer?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`the hub at ${url} did not become ready`)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once("exit", resolve))
  child.kill("SIGTERM")
  await ended
}
