import { clockTime, count, counted, duration } from "../value/quantity.ts"
import type { TopicState } from "./topic-state.ts"

/** A sentence about something that an operator should know. */
export interface Alert {
  readonly level: "bad" | "warn"
  /** The topic that it is about; undefined for the hub. */
  readonly topic?: string
  readonly text: string
}

/** The facts that alerts are made from. */
export interface AlertFacts {
  /** Milliseconds since 1970, by the hub's clock. */
  readonly now: number
  readonly topics: readonly TopicState[]
  /** The worst lag of a topic's readers, in ms, where it is known. */
  readonly lagOf: (topic: string) => number | undefined
}

/** A source without contact for less than this is not worth a sentence, in ms. */
const QUIET_MS = 3_000

/** A reader that is behind by more is worth a sentence, in ms. */
const LAG_MS = 10_000

/** Returns the alerts of a hub that answers, the worst first. */
export function alertsOf({ now, topics, lagOf }: AlertFacts): Alert[] {
  const alerts = topics.flatMap((topic) => [
    ...sourceAlerts(topic, now),
    ...invalidAlerts(topic),
    ...lagAlerts(topic, lagOf(topic.topic)),
  ])
  return alerts.sort((a, b) => Number(b.level === "bad") - Number(a.level === "bad"))
}

/** Returns the sentence for a hub that does not answer. */
export function goneText(since: number, lastAnswer: number | undefined, now: number): string {
  const state =
    lastAnswer === undefined
      ? "The page has no state of it."
      : `The page shows its state of ${clockTime(lastAnswer)}; whether it still holds is not known.`
  return `The hub has not answered for ${duration(now - since)}. ${state}`
}

/** Returns the name of a topic's source for a sentence: its kind, where the hub names it. */
export function sourceName({ source }: TopicState): string {
  return source ?? "the source"
}

function sourceAlerts(topic: TopicState, now: number): Alert[] {
  const { topic: name, status, code, revision, lastContact, statusSince } = topic
  const since = Date.parse(lastContact ?? statusSince)
  const because = code ? ` (${code})` : ""
  const serving = revision === null ? "nothing to serve yet" : `serving revision ${count(revision)}`
  const age = Math.max(0, now - since)
  if (status === "stale") {
    const text = `${sourceName(topic)} unreachable for ${duration(age)}${because}; ${serving}.`
    return [{ level: "bad", topic: name, text }]
  }
  const inStatus = now - Date.parse(statusSince)
  if (status === "waiting" && inStatus > QUIET_MS) {
    const text = `${sourceName(topic)} not read yet, for ${duration(inStatus)}${because}.`
    return [{ level: "bad", topic: name, text }]
  }
  if (status === "resyncing" && inStatus > QUIET_MS) {
    const text = `reading ${sourceName(topic)} anew for ${duration(inStatus)}; ${serving}.`
    return [{ level: "warn", topic: name, text }]
  }
  return []
}

function invalidAlerts({ topic, values, invalid = 0, invalidSample = [] }: TopicState): Alert[] {
  if (invalid === 0) return []
  const [first] = invalidSample
  const example = first ? `, such as ${JSON.stringify(first.key)}: ${first.reason}` : ""
  const hidden = `${counted(invalid, "entry is", "entries are")} hidden`
  return [{ level: "warn", topic, text: `${hidden}: not valid ${values}${example}.` }]
}

function lagAlerts({ topic }: TopicState, lagMs: number | undefined): Alert[] {
  if (lagMs === undefined || lagMs < LAG_MS) return []
  return [{ level: "warn", topic, text: `the slowest reader is ${duration(lagMs)} behind.` }]
}
