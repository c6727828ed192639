import { createApp } from "../http/app.ts"
import { isLoopback } from "../http/host.ts"
import { createHub, type Hub } from "../hub.ts"
import { HUB_LIMITS } from "../limits.ts"
import { consoleLog, guardedLog } from "../log.ts"
import { pageAssets } from "../page/page-assets.ts"
import { connectionsMax } from "../runtime/open-files.ts"
import type { Listener, Runtime } from "../runtime/runtime.ts"
import type { TopicOptions } from "../topic.ts"
import { CertificateFiles } from "./certificate-files.ts"
import { type Config, readConfig } from "./config.ts"
import { ConfigError } from "./config-error.ts"
import { greeting, type KeptTopic } from "./greeting.ts"
import { listenOn } from "./listen-on.ts"
import { listenForMetrics } from "./metrics-listener.ts"
import { knownVariables } from "./settings/known-variables.ts"
import { flagsOf } from "./settings/options.ts"
import { readSettings } from "./settings/read-settings.ts"
import { SETTINGS } from "./settings/table.ts"
import { warningsOf } from "./settings/unknown-variables.ts"
import { sourceContext } from "./source-context.ts"
import type { TopicConfig } from "./topic-config.ts"
import type { VerbCall } from "./verbs/verb.ts"
import { processFactsOf } from "./version.ts"

/** Time for readers to take their goodbye, and for open responses to end. Together below 3 s. */
const GOODBYE_MS = 1_000
const CLOSE_MS = 2_500

/**
 * `headwater serve`: serves until it is told to stop, says goodbye to every reader, and returns the
 * exit code. 0: stopped as asked. 1: could not listen.
 *
 * @throws {ConfigError} a setting is wrong, or a file that it names cannot be used.
 */
export async function serve({ runtime, options, verbs }: VerbCall): Promise<number> {
  const { values } = await readSettings(runtime, flagsOf(options, SETTINGS))
  const config = readConfig(values)
  const log = guardedLog(consoleLog)
  for (const line of warningsOf(runtime.envNames(), knownVariables(verbs))) log(line)
  const certificateFiles = config.tls && new CertificateFiles(runtime, config.tls, log)
  const certificate = await certificateFiles?.read()
  const processFacts = await processFactsOf(runtime)
  const topics = await openTopics(runtime, config)
  const connections = connectionsMax()
  const hub = createHub({
    topics,
    compress: config.compress,
    limits: { ...config.limits, streamsMax: streamsMax(config, connections) },
  })
  runtime.onLostError((error) => hub.bugs.report("nothing caught an error", error))
  const app = createApp(hub, {
    anonymous: config.anonymous,
    refuseForwardedWrites: !config.isAccessChosen,
    cors: config.cors,
    page: { assets: pageAssets({ readText: (url) => runtime.readText(url) }) },
    processFacts,
    trustedProxies: config.trustedProxies,
    ...(isLoopback(config.listen.hostname) && { hosts: config.hosts }),
  })
  let listener: Listener
  let metricsListener: Listener | undefined
  try {
    metricsListener = await listenForMetrics(runtime, hub, config.metricsListen, processFacts)
    listener = await listenOn("listen", config.listen, (address) =>
      runtime.listen((request, peer) => app.fetch(request, peer), {
        ...address,
        ...(certificate && { certificate }),
        headMs: hub.limits.headMs,
        bodyMs: hub.limits.bodyMs,
        stalledMs: hub.limits.stalledMs,
        connectionsPerAddressMax: hub.limits.connectionsPerAddressMax,
        trustedProxies: config.trustedProxies,
        connectionsMax: connections,
        log: hub.log,
      }),
    )
  } catch (error) {
    console.error(`headwater: ${(error as Error).message}`)
    await Promise.all([hub.close(), metricsListener?.close()])
    return 1
  }
  certificateFiles?.watch((next) => listener.replaceCertificate(next))
  runtime.onStop(() => certificateFiles?.close())
  // Deno throws where the output is full or gone; the hub serves all the same.
  guardedLog((text) => console.log(text))(
    greeting(config, listener.url, keptTopics(config, topics)),
  )

  runtime.onHangup(() => hub.log("ignored SIGHUP: this hub does not reload; SIGTERM stops it"))
  return stopped(runtime, hub, listener, metricsListener)
}

/** Resolves with the exit code once the process was told to stop and has said goodbye. */
function stopped(
  runtime: Runtime,
  hub: Hub,
  listener: Listener,
  metricsListener: Listener | undefined,
): Promise<number> {
  return new Promise((resolve) => {
    let isStopping = false
    runtime.onStop(() => {
      if (isStopping) return
      isStopping = true
      const late = setTimeout(() => resolve(0), CLOSE_MS)
      const closed = Promise.all([hub.close(GOODBYE_MS), listener.close()])
      closed
        .then(() => metricsListener?.close())
        .catch((error) => console.error(error))
        .finally(() => {
          clearTimeout(late)
          resolve(0)
        })
    })
  })
}

// A tenth of the connections is left to other requests, and to readers that are told to come back.
function streamsMax({ limits }: Config, connections: number): number {
  const { streamsMax = HUB_LIMITS.streamsMax } = limits
  return Math.max(1, Math.min(streamsMax, Math.floor(connections * 0.9)))
}

async function openTopics(runtime: Runtime, config: Config): Promise<TopicOptions[]> {
  const topics: TopicOptions[] = []
  try {
    for (const topic of config.topics) topics.push(await openTopic(runtime, config, topic))
    return topics
  } catch (error) {
    await Promise.all(topics.map(({ source }) => source.close()))
    throw error
  }
}

async function openTopic(
  runtime: Runtime,
  { topicMemory, cache }: Config,
  { name, values, source }: TopicConfig,
): Promise<TopicOptions> {
  const log = guardedLog(consoleLog)
  const warn = (line: string) => log(`topic ${name}: ${line}`)
  try {
    const opened = await source.open(sourceContext(runtime, values, warn))
    return { name, values, source: opened, memoryBytesMax: topicMemory, cache }
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
