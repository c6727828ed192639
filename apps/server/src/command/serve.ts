import { systemClock } from "@headwater/core"
import { createApp } from "../http/app.ts"
import { isLoopback } from "../http/host.ts"
import { createHub, type Hub } from "../hub.ts"
import { guardedLog, rareLog } from "../log.ts"
import type { ProcessFacts } from "../metrics/process-metrics.ts"
import { logObserver } from "../observe/log-observer.ts"
import { joinObservers } from "../observe/observers.ts"
import { pageAssets } from "../page/page-assets.ts"
import { connectionsMax } from "../runtime/open-files.ts"
import type { Certificate, FetchHandler, Listener, Runtime } from "../runtime/runtime.ts"
import { CertificateFiles } from "./certificate-files.ts"
import { type Config, readConfig } from "./config.ts"
import { listenOn } from "./listen-on.ts"
import { type HubLog, logOf } from "./log-of.ts"
import { logStart } from "./log-start.ts"
import { listenForMetrics } from "./metrics-listener.ts"
import { openAccess } from "./open-access.ts"
import { openAudit } from "./open-audit.ts"
import { openTopic, openTopics } from "./open-topics.ts"
import { ServedApp } from "./reload/app-part.ts"
import { limitsPart } from "./reload/limits-part.ts"
import { logLevelPart } from "./reload/log-level-part.ts"
import type { ReloadPart } from "./reload/reload-part.ts"
import { Reloader } from "./reload/reloader.ts"
import { type OpenTopic, topicsPart } from "./reload/topics-part.ts"
import { knownVariables } from "./settings/known-variables.ts"
import { flagsOf } from "./settings/options.ts"
import { type HubSettings, readSettings } from "./settings/read-settings.ts"
import { SETTINGS } from "./settings/table.ts"
import { warningsOf } from "./settings/unknown-variables.ts"
import { stopped } from "./stop.ts"
import type { VerbCall } from "./verbs/verb.ts"
import { processFactsOf } from "./version.ts"

/**
 * `headwater serve`: serves until it is told to stop, says goodbye to every reader, and returns the
 * exit code. 0: stopped as asked. 1: could not listen.
 *
 * @throws {ConfigError} a setting is wrong, or a file that it names cannot be used.
 */
export async function serve(call: VerbCall): Promise<number> {
  const read = () => readSettings(call.runtime, flagsOf(call.options, SETTINGS))
  const settings = await read()
  const hubLog = logOf(settings, call.runtime)
  try {
    return await serveWith(call, { settings, read, hubLog })
  } finally {
    await hubLog.flush()
  }
}

interface ServeContext {
  readonly settings: HubSettings
  readonly read: () => Promise<HubSettings>
  readonly hubLog: HubLog
}

async function serveWith(call: VerbCall, context: ServeContext): Promise<number> {
  const { runtime, verbs, print, complain } = call
  const { settings, read, hubLog } = context
  const { format, writer } = hubLog
  const config = readConfig(settings.values)
  const log = guardedLog(writer.log)
  for (const line of warningsOf(runtime.envNames(), knownVariables(verbs))) log(line, {}, "warn")
  const certificateFiles = config.tls && new CertificateFiles(runtime, config.tls, log)
  const certificate = await certificateFiles?.read()
  const processFacts = await processFactsOf(runtime)
  const opened = await openAccess(runtime, config.access, log)
  const audit = await openAudit(config.audit, log)
  const topics = await openTopics(runtime, config, log)
  const connections = connectionsMax()
  const streamsOf = (asked: number) => streamsMax(asked, connections)
  const hub = createHub({
    topics,
    compress: config.compress,
    ...(config.drain && { drain: config.drain }),
    limits: { ...config.limits, streamsMax: streamsOf(settings.values.streams) },
    log,
    observer: joinObservers(logObserver(log, rareLog(log, systemClock)), audit),
  })
  warnOfStreams(settings, hub)
  runtime.onLostError((error) => hub.bugs.report("nothing caught an error", error))
  const assets = pageAssets({ readText: (url) => runtime.readText(url) })
  const appOf = ({ cors, listen, hosts }: Config) =>
    createApp(hub, {
      ...(opened ? { access: opened.access } : { anonymous: "write" }),
      refuseForwardedWrites: opened === undefined,
      cors,
      page: { assets },
      processFacts,
      trustedProxies: config.trustedProxies,
      ...(isLoopback(listen.hostname) && { hosts }),
    })
  const served = new ServedApp(config, appOf)
  let listeners: Listeners
  try {
    const context = { runtime, hub, config, certificate, processFacts, connections }
    listeners = await openListeners(context, served.fetch)
  } catch (error) {
    complain(`headwater: ${(error as Error).message}`)
    await hub.close()
    return 1
  }
  const { listener, metricsListener } = listeners
  certificateFiles?.watch((next) => listener.replaceCertificate(next))
  runtime.onStop(() => certificateFiles?.close())
  logStart({ runtime, config, settings, format, log, print }, listener.url, topics)

  const open: OpenTopic = (topic, next) => openTopic(runtime, next, topic, log)
  const reloader = reloaderOf(hub, settings, read, [
    logLevelPart(writer),
    limitsPart(hub, streamsOf),
    served,
    topicsPart(hub, config.topics, open),
    { prepare: async () => certificateFiles && { apply: () => certificateFiles.reload() } },
  ])
  const stopReloads = reloader.begin(runtime)
  const code = await stopped(runtime, hub, listener, metricsListener)
  await stopReloads()
  // Not at the signal: the end of access is the end of each stream under it, before its drain.
  opened?.close()
  log("stopped", { code })
  return code
}

interface ListenContext {
  readonly runtime: Runtime
  readonly hub: Hub
  readonly config: Config
  readonly certificate: Certificate | undefined
  readonly processFacts: ProcessFacts
  readonly connections: number
}

interface Listeners {
  readonly listener: Listener
  readonly metricsListener: Listener | undefined
}

/** @throws when an address cannot be listened on; then none is. */
async function openListeners(context: ListenContext, fetch: FetchHandler): Promise<Listeners> {
  const { runtime, hub, config, certificate, processFacts, connections } = context
  const metricsListener = await listenForMetrics(runtime, hub, config.metricsListen, processFacts)
  const { headMs, bodyMs, stalledMs, connectionsPerAddressMax } = hub.limits
  try {
    const listener = await listenOn("listen", config.listen, (address) =>
      runtime.listen(fetch, {
        ...address,
        ...(certificate && { certificate }),
        headMs,
        bodyMs,
        stalledMs,
        connectionsPerAddressMax,
        trustedProxies: config.trustedProxies,
        connectionsMax: connections,
        log: hub.log,
        observer: hub.observer,
      }),
    )
    return { listener, metricsListener }
  } catch (error) {
    await metricsListener?.close()
    throw error
  }
}

function reloaderOf(
  { log, bugs }: Hub,
  settings: HubSettings,
  read: () => Promise<HubSettings>,
  parts: readonly ReloadPart[],
): Reloader {
  const report = (what: string, error: unknown) => bugs.report(what, error)
  const reloader = new Reloader(settings, { log, read, report })
  for (const part of parts) reloader.onReload(part)
  return reloader
}

function warnOfStreams({ values, found }: HubSettings, { limits, log }: Hub): void {
  if (found.streams.origin === "default" || limits.streamsMax === values.streams) return
  const { streamsMax: streams } = limits
  const line = `--streams ${values.streams} is more than the limit on open files leaves: ${streams}`
  log(`${line}; raise it with ulimit -n`, {}, "warn")
}

// A tenth of the connections is left to other requests, and to readers that are told to come back.
function streamsMax(asked: number, connections: number): number {
  return Math.max(1, Math.min(asked, Math.floor(connections * 0.9)))
}
