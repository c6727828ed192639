import { assetsFrom } from "../dashboard/assets.ts"
import { createApp } from "../http/app.ts"
import { isLoopback } from "../http/host.ts"
import { createHub } from "../hub.ts"
import { HUB_LIMITS } from "../limits.ts"
import { consoleLog, guardedLog } from "../log.ts"
import { connectionsMax } from "../runtime/open-files.ts"
import type { Listener, Runtime } from "../runtime/runtime.ts"
import type { TopicOptions } from "../topic.ts"
import { type Config, readCommand } from "./config.ts"
import { ConfigError } from "./config-error.ts"
import { greeting, type KeptTopic } from "./greeting.ts"
import { helpText } from "./help.ts"
import { sourceContext } from "./source-context.ts"
import type { TopicConfig } from "./topic-config.ts"

/** Time for readers to take their goodbye, and for open responses to end. Together below 3 s. */
const GOODBYE_MS = 1_000
const CLOSE_MS = 2_500

/**
 * The command: reads its arguments, serves until it is told to stop, says goodbye to every reader,
 * and exits. 0: stopped as asked. 1: could not listen. 2: wrong arguments, or a file that
 * cannot be used, said in one line.
 */
export async function start(runtime: Runtime): Promise<void> {
  const command = readCommand(runtime.args, (name) => runtime.env(name))
  switch (command.type) {
    case "help":
      console.log(helpText())
      return runtime.exit(0)
    case "version":
      console.log(await versionOf(runtime))
      return runtime.exit(0)
    case "wrong":
      console.error(`headwater: ${command.line}`)
      return runtime.exit(2)
    case "serve":
      return serve(runtime, command.config)
  }
}

async function serve(runtime: Runtime, config: Config): Promise<void> {
  let topics: TopicOptions[]
  try {
    topics = await openTopics(runtime, config)
  } catch (error) {
    console.error(`headwater: ${(error as Error).message}`)
    return runtime.exit(2)
  }
  const connections = connectionsMax()
  const hub = createHub({
    topics,
    compress: config.compress,
    limits: { streamsMax: streamsMax(connections) },
  })
  runtime.onLostError((error) => hub.bugs.report("nothing caught an error", error))
  const assets = assetsFrom({
    resolve: (specifier) => import.meta.resolve(specifier),
    readText: (url) => runtime.readText(url),
  })
  const app = createApp(hub, {
    anonymous: config.anonymous,
    refuseForwardedWrites: !config.isAccessChosen,
    cors: config.cors,
    page: { assets },
    ...(isLoopback(config.listen.hostname) && { hosts: config.hosts }),
  })
  let listener: Listener
  try {
    const { log } = hub
    listener = await runtime.listen((request, peer) => app.fetch(request, peer), {
      ...config.listen,
      bodyMs: hub.limits.bodyMs,
      connectionsMax: connections,
      log,
    })
  } catch (error) {
    console.error(`headwater: ${listenFailure(config, error as Error)}`)
    await hub.close()
    return runtime.exit(1)
  }
  // Deno throws where the output is full or gone; the hub serves all the same.
  guardedLog((text) => console.log(text))(
    greeting(config, listener.url, keptTopics(config, topics)),
  )

  runtime.onHangup(() => hub.log("ignored SIGHUP: this hub does not reload; SIGTERM stops it"))
  let isStopping = false
  runtime.onStop(() => {
    if (isStopping) return
    isStopping = true
    const late = setTimeout(() => runtime.exit(0), CLOSE_MS)
    const closed = Promise.all([hub.close(GOODBYE_MS), listener.close()])
    closed
      .catch((error) => console.error(error))
      .finally(() => {
        clearTimeout(late)
        runtime.exit(0)
      })
  })
}

// A tenth of the connections is left to other requests, and to readers that are told to come back.
function streamsMax(connections: number): number {
  return Math.max(1, Math.min(HUB_LIMITS.streamsMax, Math.floor(connections * 0.9)))
}

function listenFailure({ listen: { hostname, port } }: Config, error: Error): string {
  if ((error as { code?: string }).code !== "EADDRINUSE") {
    return `cannot listen on ${hostname}:${port}: ${error.message}`
  }
  return (
    `cannot listen on ${hostname}:${port}: another process listens there; ` +
    `choose another port with --listen ${hostname}:PORT`
  )
}

async function openTopics(runtime: Runtime, config: Config): Promise<TopicOptions[]> {
  const topics: TopicOptions[] = []
  try {
    for (const topic of config.topics) topics.push(await openTopic(runtime, topic))
    return topics
  } catch (error) {
    await Promise.all(topics.map(({ source }) => source.close()))
    throw error
  }
}
async function openTopic(
  runtime: Runtime,
  { name, values, source }: TopicConfig,
): Promise<TopicOptions> {
  const log = guardedLog(consoleLog)
  const warn = (line: string) => log(`topic ${name}: ${line}`)
  try {
    return { name, values, source: await source.open(sourceContext(runtime, values, warn)) }
  } catch (error) {
    throw new ConfigError(`topic "${name}": ${(error as Error).message}`)
  }
}

function keptTopics(config: Config, topics: readonly TopicOptions[]): KeptTopic[] {
  return topics.flatMap(({ name, source }, index) => {
    const file = config.topics[index]!.source.fileOf?.(source)
    return file === undefined ? [] : [{ name, file }]
  })
}

async function versionOf(runtime: Runtime): Promise<string> {
  const text = await runtime.readText(new URL("../../package.json", import.meta.url))
  return JSON.parse(text).version
}
