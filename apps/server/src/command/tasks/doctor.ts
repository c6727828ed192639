import {
  type Finding,
  judgeAnswer,
  judgeArrival,
  judgeClock,
  judgeProtocol,
  judgeResume,
  judgeStream,
} from "./diagnosis.ts"
import { hubOrTopic } from "./hub-or-topic.ts"
import { askHub, HubAnswerError, type TopicFacts } from "./hub-request.ts"
import { type HubTarget, topicOf } from "./hub-target.ts"
import { probeStream, type StreamProbe } from "./stream-probe.ts"
import { print, type TaskContext } from "./task-context.ts"
import { EXIT, lineOf, TaskError } from "./task-error.ts"
import type { TaskInput } from "./task-input.ts"
import { countText, spanText } from "./text-table.ts"
import { readTopic } from "./topic-stream.ts"
import { listTopics } from "./topics.ts"

/** The time to watch a stream for: two heartbeats, and some. */
const WATCH_MS = 12_000

/** A stream that ends is read whole in this time. */
const WHOLE_MS = 30_000

/** Streams that are opened at once, as a page in several tabs does. */
const TABS = 8

/** Topics above this are not read whole. */
const PROOF_ENTRIES_MAX = 300_000

/** The work of one examination. */
interface Examination {
  readonly hub: HubTarget
  readonly context: TaskContext
  readonly isJson: boolean
  readonly levels: Set<Finding["level"]>
}

/**
 * `headwater doctor [URL]`: looks for what keeps a hub's events from its readers: proxies that
 * buffer or compress, a wrong Host, a lost Last-Event-ID, clocks, tokens. 1: a fault was found.
 */
export async function doctor(input: TaskInput, context: TaskContext): Promise<number> {
  const { hub, topic } = await hubOrTopic(input, context)
  const levels = new Set<Finding["level"]>()
  const examination: Examination = { hub, context, isJson: input.flag("json"), levels }
  const topics = await reach(examination)
  if (topics !== undefined) {
    const named = topic === undefined ? undefined : topics.find((one) => one.topic === topic)
    const chosen = named ?? (topic === undefined ? best(topics) : undefined)
    if (chosen !== undefined) await examineTopic(examination, chosen)
    else {
      const text =
        topic === undefined ? "there is no topic to look at" : `there is no topic ${topic}`
      const cure = "start the hub with --topic, or give a token that may read one"
      await tell(examination, { level: "fault", subject: "topic", text, cure })
    }
  }
  return levels.has("fault") ? EXIT.no : EXIT.done
}

// The hub answers, in time, and lets the token read topics.
async function reach(examination: Examination): Promise<TopicFacts[] | undefined> {
  const { hub, context } = examination
  const { clock } = context
  const sentAt = clock.now()
  let date: string | null
  try {
    const health = await askHub(context, hub, "/healthz")
    date = health.headers.get("date")
    await health.arrayBuffer()
  } catch (error) {
    await tell(examination, unreached(error))
    return undefined
  }
  const answeredAt = clock.now()
  const text = `${hub.url} answers after ${spanText(answeredAt - sentAt)}`
  await tell(examination, { level: "ok", subject: "reach", text })
  await tell(examination, judgeClock(date, sentAt, answeredAt))
  try {
    const topics = await listTopics(context, hub)
    const token = (await hub.token()) === undefined ? "without a token" : "with the token"
    const writable = topics.filter((topic) => topic.writable).length
    const seen = `${token} ${topics.length} topics can be read, of which ${writable} are writable`
    await tell(examination, { level: "ok", subject: "token", text: seen })
    return topics
  } catch (error) {
    await tell(examination, unreached(error))
    return undefined
  }
}

function unreached(error: unknown): Finding {
  if (error instanceof HubAnswerError) {
    return judgeAnswer(error.status, error.body, new Headers())!
  }
  if (!(error instanceof TaskError) || !error.message.includes("cannot be reached")) {
    if (error instanceof TaskError) throw error
    return {
      level: "fault",
      subject: "reach",
      text: lineOf(error),
      cure: "is this the address of a hub? Its answers are JSON",
    }
  }
  return {
    level: "fault",
    subject: "reach",
    text: error.message.replace(/;.*/, ""),
    cure:
      "is the hub up, the port right, and the name known here? For a certificate of your own, " +
      "name its authority by HEADWATER_CA_FILE",
  }
}

function best(topics: readonly TopicFacts[]): TopicFacts | undefined {
  const ready = topics.filter(({ status }) => status === "in-sync" || status === "stale")
  return [...ready].sort((a, b) => (a.entries ?? 0) - (b.entries ?? 0))[0] ?? topics[0]
}

async function examineTopic(examination: Examination, facts: TopicFacts): Promise<void> {
  const { hub, context } = examination
  const target = topicOf(hub, facts.topic)
  await tell(examination, judgeTopic(facts))
  const isWatched = ({ syncMs, piecesMs, heartbeatMs }: StreamProbe) =>
    syncMs !== undefined && (piecesMs.at(-1) ?? 0) - syncMs > heartbeatMs
  const watch = { target, watchMs: WATCH_MS, isEnough: isWatched }
  const once = { target, watchMs: WHOLE_MS, query: { once: "1" }, isEnough: () => false }
  const identity = { "accept-encoding": "identity" }
  const [plain, coded, whole] = await Promise.all([
    probeStream({ ...watch, headers: identity }, context),
    probeStream({ ...watch, headers: { "accept-encoding": "gzip" } }, context),
    probeStream({ ...once, headers: identity }, context),
  ])
  const refusal = judgeAnswer(plain.status ?? 200, plain.body, plain.headers)
  if (refusal !== undefined) return tell(examination, refusal)
  for (const finding of judgeArrival(plain, coded, whole)) await tell(examination, finding)
  const seen = plain.status === undefined ? whole : plain
  for (const finding of judgeStream(seen)) await tell(examination, finding)
  const isHeld = plain.helloMs === undefined
  if (!isHeld) {
    const id = whole.id || plain.id
    const hello = { target, watchMs: WATCH_MS, isEnough: isResumeKnown }
    const headers = { ...identity, "last-event-id": id }
    await tell(examination, judgeResume(await probeStream({ ...hello, headers }, context)))
    await tell(examination, await judgeTabs(examination, facts.topic))
  }
  await tell(examination, await judgeHttp(examination))
  await tell(examination, await prove(examination, facts))
}

function isResumeKnown({ resumed, hasReset, syncMs }: StreamProbe): boolean {
  return resumed === true || hasReset || syncMs !== undefined
}

function judgeTopic(facts: TopicFacts): Finding {
  // A grant of a part of the topic shows no numbers of the whole.
  const { topic, status, code, lastContact, invalid = 0, entries } = facts
  const subject = "topic"
  const held = `${topic} is ${status} with ${countText(entries ?? 0)} entries`
  if (status !== "in-sync") {
    const since = lastContact ? `; the hub last reached its source at ${lastContact}` : ""
    const text = `${held}${code ? ` (${code})` : ""}${since}`
    const cure = "look at the source, and at the hub's log"
    return { level: "fault", subject, text, cure }
  }
  if (invalid === 0) return { level: "ok", subject, text: held }
  const text = `${held}, and ${countText(invalid)} that cannot be shown`
  const cure = "headwater topics --json names some in invalidSample: mend their keys or values"
  return { level: "note", subject, text, cure }
}

async function judgeTabs({ hub, context }: Examination, topic: string): Promise<Finding> {
  const subject = "tabs"
  const isEnough = ({ helloMs }: StreamProbe) => helloMs !== undefined
  const headers = { "accept-encoding": "identity" }
  const request = { target: topicOf(hub, topic), headers, watchMs: WATCH_MS, isEnough }
  const probes = await Promise.all(
    Array.from({ length: TABS }, () => probeStream(request, context)),
  )
  const open = probes.filter(isEnough).length
  if (open === TABS) {
    return { level: "ok", subject, text: `${TABS} streams of one client open at once` }
  }
  return {
    level: "fault",
    subject,
    text: `of ${TABS} streams that one client opens at once, ${open} begin`,
    cure: "raise the proxy's limit on connections of one address, or to its upstream",
  }
}

async function judgeHttp({ hub, context }: Examination): Promise<Finding> {
  const { origin, protocol } = new URL(hub.url)
  if (protocol !== "https:") return judgeProtocol(false, false)
  const isHttp2 = await context.terminal.speaksHttp2(origin, context.signal).catch(() => undefined)
  return judgeProtocol(true, isHttp2)
}

async function prove({ hub, context }: Examination, facts: TopicFacts): Promise<Finding> {
  const subject = "digest"
  const count = facts.entries ?? 0
  if (count > PROOF_ENTRIES_MAX) {
    const text = `${countText(count)} entries are too many to read; see headwater verify`
    return { level: "note", subject, text }
  }
  try {
    const state = await readTopic(topicOf(hub, facts.topic), {}, context)
    const text = `${countText(state.entries.size)} entries have the hub's digest ${state.digest}`
    return { level: "ok", subject, text }
  } catch (error) {
    context.signal.throwIfAborted()
    const cure = "keep what this printed, and report it: entries were lost on the way"
    return { level: "fault", subject, text: lineOf(error), cure }
  }
}

async function tell({ context, isJson, levels }: Examination, finding: Finding): Promise<void> {
  levels.add(finding.level)
  if (isJson) return print(context, JSON.stringify(finding))
  const { colors } = context
  const style = { ok: colors.green, note: colors.yellow, fault: colors.red }[finding.level]
  const head = `${style(finding.level.padEnd(5))} ${finding.subject.padEnd(11)}`
  await print(context, `${head} ${finding.text}`)
  if (finding.cure !== undefined) await print(context, `${" ".repeat(18)}→ ${finding.cure}`)
}
