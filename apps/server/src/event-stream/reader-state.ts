import { assert, type Revision, type StatusReport } from "@headwater/core"
import type { GoodbyeReason, ResetReason } from "@headwater/protocol"
import type { Sums } from "../fan-out/view.ts"
import type { StartPoint } from "./start-point.ts"

/**
 * The phases of a reader:
 *
 *   waiting      the hub has nothing to serve it from yet
 *   catching-up  its first frames, up to the first `sync`
 *   queued       in a catch-up of many frames, until other readers have ended theirs
 *   proving      until the sums of a `sync` are known
 *   live         going on to the newest version
 *   resting      at the newest version; the only phase in which a frame is sent without being asked
 *   ended        its last frame is sent, or its client has left
 */
export type ReaderPhase =
  | "waiting"
  | "catching-up"
  | "queued"
  | "proving"
  | "live"
  | "resting"
  | "ended"

/** The facts of a reader on which its next frame depends. */
export interface ReaderState {
  readonly phase: ReaderPhase
  /** The stream ends after its first `sync`. */
  readonly once: boolean
  /** Of the last id since the last `hello` or `reset`. */
  readonly revision: Revision
  /** Of the last frame with data, where that had one: the reader is at it. */
  readonly id: string | undefined
  /** Partial deltas were sent that no id has closed. */
  readonly isRunOpen: boolean
  /** The first `sync` since the last `hello` or `reset` was sent. */
  readonly isWhole: boolean
  /** When the last `sync` was sent, and the last that was a first one. */
  readonly syncedAt: number
  readonly wholeAt: number | undefined
  /** `statusKeyOf` the last status sent. */
  readonly statusKey: string
}

/** A step to a version in which the reader holds all: where it is then. */
export interface Landing {
  readonly revision: Revision
  readonly id: string
}

/** An event of a reader. */
export type ReaderEvent =
  /** The hub has found the point from which to serve the reader. */
  | { readonly type: "started"; readonly start: StartPoint }
  /** A slice of changes. Without bytes where nothing in it passes the view. */
  | { readonly type: "slice"; readonly bytes: Uint8Array | undefined; readonly at?: Landing }
  /** It holds the version that it was to come to. */
  | ({ readonly type: "idle"; readonly isNewest: boolean } & Present)
  /** The sums of the version it holds are known. */
  | ({ readonly type: "counted"; readonly sums: Sums; readonly at: Landing } & Present)
  /** The state it holds is void. */
  | { readonly type: "void"; readonly reason: ResetReason }
  /** Too many readers catch up: this one waits, and begins again from `version`, when `granted`. */
  | { readonly type: "crowded" }
  | { readonly type: "granted"; readonly version: number }
  /** The connection was silent for a heartbeat. */
  | { readonly type: "due" }
  /** There may be something new. */
  | { readonly type: "woken" }
  /** While it rested, a single frame led to the newest version. */
  | { readonly type: "jumped"; readonly bytes: Uint8Array | undefined; readonly at: Landing }
  | { readonly type: "closing"; readonly reason: GoodbyeReason }
  | { readonly type: "failed"; readonly error: unknown }
  | { readonly type: "left" }

/** The hub as of an event. */
export interface Present {
  readonly report: StatusReport
  readonly statusKey: string
  /** On the clock that never goes back. */
  readonly now: number
  /** The highest revision of which the reader holds everything. */
  readonly revision: Revision
  readonly isDue: boolean
  readonly heartbeatMs: number
  readonly syncIntervalMs: number
}

/** A frame to be sent. */
export type Order =
  | { readonly type: "hello"; readonly start: StartPoint }
  | { readonly type: "reset"; readonly reason: ResetReason }
  | { readonly type: "bytes"; readonly bytes: Uint8Array }
  /** An empty delta that closes a run, as when a change was undone meanwhile. */
  | { readonly type: "closing-delta"; readonly at: Landing }
  | { readonly type: "sync"; readonly at: Landing; readonly sums: Sums }
  | { readonly type: "status"; readonly report: StatusReport }
  | { readonly type: "comment" }
  | { readonly type: "goodbye"; readonly reason: GoodbyeReason; readonly id: string | undefined }
  | { readonly type: "fault"; readonly error: unknown }

/** The work that brings the next event, done after the frames are sent. */
export type Action =
  | { readonly type: "step" | "wait-for-permit" | "count" | "rest" | "finish" }
  /** Starts from a version, or from nothing (0), and steps. */
  | { readonly type: "begin"; readonly version: number }

/** The result of an event. */
export interface Move {
  readonly state: ReaderState
  readonly orders: readonly Order[]
  readonly action: Action
}

/** Returns the state of a reader that has just come. */
export function newReader(once: boolean): ReaderState {
  return {
    phase: "waiting",
    once,
    revision: 0,
    id: undefined,
    isRunOpen: false,
    isWhole: false,
    syncedAt: 0,
    wholeAt: undefined,
    statusKey: "",
  }
}

/** Decides the result of an event. Pure: both roads of the reader act it out. */
export function moveOn(state: ReaderState, event: ReaderEvent): Move {
  const move = (TABLE[state.phase][event.type] as Transition)(state, event)
  assert(move !== undefined, "a reader meets only the events of its phase")
  return move
}

/** @throws an invariant error: the state is none that a reader can be in. */
export function assertReaderState(state: ReaderState): void {
  const { phase, id, isRunOpen, isWhole, wholeAt, revision } = state
  assert(!isRunOpen || id === undefined, "a reader in an open run is at no id")
  assert(!isRunOpen || phase === "live" || phase === "ended", "only a live reader has an open run")
  assert(isWhole || (phase !== "live" && phase !== "resting"), "a live reader is whole")
  assert(!isWhole || wholeAt !== undefined, "a whole reader has had its first sync")
  assert(id === undefined || Number(id.split(".")[1]) === revision, "an id names the revision")
}

type ReaderEventOf<T extends ReaderEvent["type"]> = Extract<ReaderEvent, { type: T }>
type Transition = (state: ReaderState, event: ReaderEvent) => Move | undefined
type Row = {
  readonly [T in ReaderEvent["type"]]: (
    state: ReaderState,
    event: ReaderEventOf<T>,
  ) => Move | undefined
}

const STEP: Action = { type: "step" }
const COUNT: Action = { type: "count" }
const REST: Action = { type: "rest" }
const FINISH: Action = { type: "finish" }
const WAIT_FOR_PERMIT: Action = { type: "wait-for-permit" }
const NO_ORDERS: readonly Order[] = []
const COMMENT: readonly Order[] = [{ type: "comment" }]

const never = () => undefined

/** In every phase but `ended`. */
const ENDS = {
  closing: (state: ReaderState, { reason }: ReaderEventOf<"closing">): Move =>
    end(state, { type: "goodbye", reason, id: state.id }),
  failed: (state: ReaderState, { error }: ReaderEventOf<"failed">): Move =>
    end(state, { type: "fault", error }),
  left: (state: ReaderState): Move => end(state),
}

const NEVER = {
  started: never,
  slice: never,
  idle: never,
  counted: never,
  void: never,
  crowded: never,
  granted: never,
  due: never,
  woken: never,
  jumped: never,
}

const TABLE: Readonly<Record<ReaderPhase, Row>> = {
  waiting: { ...NEVER, ...ENDS, started },
  "catching-up": {
    ...NEVER,
    ...ENDS,
    slice: caughtUpBy,
    idle: (state) => ({ state: { ...state, phase: "proving" }, orders: NO_ORDERS, action: COUNT }),
    void: beginAgain,
    crowded: (state) => ({
      state: { ...state, phase: "queued" },
      orders: NO_ORDERS,
      action: WAIT_FOR_PERMIT,
    }),
    due: commentThen(STEP),
  },
  queued: {
    ...NEVER,
    ...ENDS,
    granted: (state, { version }) => ({
      state: { ...state, phase: "catching-up" },
      orders: NO_ORDERS,
      action: { type: "begin", version },
    }),
    due: commentThen(WAIT_FOR_PERMIT),
  },
  proving: { ...NEVER, ...ENDS, counted, void: beginAgain, due: commentThen(COUNT) },
  live: { ...NEVER, ...ENDS, slice: told, idle, void: beginAgain, due: commentThen(STEP) },
  resting: {
    ...NEVER,
    ...ENDS,
    woken: (state) => ({ state: { ...state, phase: "live" }, orders: NO_ORDERS, action: STEP }),
    jumped: (state, { bytes, at }) => land(state, bytes, at, REST),
  },
  ended: {
    ...NEVER,
    closing: (state) => end(state),
    failed: (state) => end(state),
    left: (state) => end(state),
  },
}

function started(state: ReaderState, { start }: ReaderEventOf<"started">): Move {
  const begun: ReaderState = { ...state, phase: "catching-up", revision: start.floor }
  const hello: Order = { type: "hello", start }
  if (start.reset !== undefined) {
    const again = beginAgain(begun, { type: "void", reason: start.reset })
    return { ...again, orders: [hello, ...again.orders] }
  }
  return { state: begun, orders: [hello], action: { type: "begin", version: start.version } }
}

function beginAgain(state: ReaderState, { reason }: ReaderEventOf<"void">): Move {
  return {
    state: {
      ...state,
      phase: "catching-up",
      revision: 0,
      id: undefined,
      isRunOpen: false,
      isWhole: false,
    },
    orders: [{ type: "reset", reason }],
    action: { type: "begin", version: 0 },
  }
}

/** No slice of a catch-up has an id: the `sync` at its end has. */
function caughtUpBy(state: ReaderState, { bytes, at }: ReaderEventOf<"slice">): Move {
  return {
    state: { ...state, phase: at === undefined ? "catching-up" : "proving", id: undefined },
    orders: bytes === undefined ? NO_ORDERS : [{ type: "bytes", bytes }],
    action: at === undefined ? STEP : COUNT,
  }
}

function told(state: ReaderState, { bytes, at }: ReaderEventOf<"slice">): Move {
  if (at !== undefined) return land(state, bytes, at, STEP)
  if (bytes === undefined) return { state, orders: NO_ORDERS, action: STEP }
  return {
    state: { ...state, isRunOpen: true, id: undefined },
    orders: [{ type: "bytes", bytes }],
    action: STEP,
  }
}

/** A delta with an id changes what the reader was sent here, and nowhere else. */
function land(
  state: ReaderState,
  bytes: Uint8Array | undefined,
  at: Landing,
  action: Action,
): Move {
  if (bytes === undefined && !state.isRunOpen) return { state, orders: NO_ORDERS, action }
  const { revision, id } = at
  return {
    // Spelt out: on Bun a spread costs several times as much, and this is the most frequent move.
    state: {
      phase: state.phase,
      once: state.once,
      revision,
      id,
      isRunOpen: false,
      isWhole: state.isWhole,
      syncedAt: state.syncedAt,
      wholeAt: state.wholeAt,
      statusKey: state.statusKey,
    },
    orders: [bytes === undefined ? { type: "closing-delta", at } : { type: "bytes", bytes }],
    action,
  }
}

function idle(state: ReaderState, event: ReaderEventOf<"idle">): Move | undefined {
  // A walk that was begun ends by a slice.
  if (state.isRunOpen) return undefined
  // A newer version came meanwhile: its changes are sent first.
  if (!event.isNewest) return { state, orders: NO_ORDERS, action: STEP }
  const { report, statusKey } = event
  if (statusKey !== state.statusKey) {
    return { state: { ...state, statusKey }, orders: [{ type: "status", report }], action: STEP }
  }
  if (!event.isDue && !isSyncOverdue(state.syncedAt, event.now, event)) {
    return { state: { ...state, phase: "resting" }, orders: NO_ORDERS, action: REST }
  }
  if (!isSyncDue(state, event)) return { state, orders: COMMENT, action: STEP }
  return { state: { ...state, phase: "proving" }, orders: NO_ORDERS, action: COUNT }
}

/**
 * Returns whether a stream that is never silent needs a `sync` now: one more heartbeat, and it
 * would come too late. Never within a heartbeat of the last one.
 */
export function isSyncOverdue(
  syncedAt: number,
  now: number,
  { heartbeatMs, syncIntervalMs }: Pick<Present, "heartbeatMs" | "syncIntervalMs">,
): boolean {
  return now - syncedAt > Math.max(syncIntervalMs - heartbeatMs, heartbeatMs)
}

/** At a heartbeat: the id is old, or the next heartbeat would be too late for the next `sync`. */
function isSyncDue({ revision, syncedAt }: ReaderState, now: Present): boolean {
  return now.revision > revision || now.now - syncedAt + now.heartbeatMs > now.syncIntervalMs
}

function counted(state: ReaderState, event: ReaderEventOf<"counted">): Move {
  const { sums, at, now, report, statusKey } = event
  const sync: Order = { type: "sync", at, sums }
  const { revision, id } = at
  const live: ReaderState = { ...state, phase: "live", revision, id, syncedAt: now }
  if (state.isWhole) return { state: live, orders: [sync], action: STEP }
  const orders: Order[] = [sync, { type: "status", report }]
  const whole: ReaderState = { ...live, isWhole: true, wholeAt: now, statusKey }
  if (!state.once) return { state: whole, orders, action: STEP }
  orders.push({ type: "goodbye", reason: "done", id })
  return { state: { ...whole, phase: "ended" }, orders, action: FINISH }
}

function commentThen(action: Action): (state: ReaderState) => Move {
  return (state) => ({ state, orders: COMMENT, action })
}

function end(state: ReaderState, last?: Order): Move {
  const orders = last === undefined || state.phase === "ended" ? NO_ORDERS : [last]
  return { state: { ...state, phase: "ended" }, orders, action: FINISH }
}
