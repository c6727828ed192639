import type { FetchResult, Position } from "@headwater/core"
import { countFailed, countWell, fetchBackoffMs } from "./fetch-backoff.ts"
import { isReset, type KeyRules, type KeyState, type Phase } from "./key-state.ts"
import { CONTACT_MS, COOLING_MS, FETCH_GRACE_MS } from "./limits.ts"

/**
 * What happens to a key. Times are `elapsed` ms; a draw is from 0 to below 1.
 *
 *   want     somebody needs a read. Who is patient does not cut a rest short
 *   grant    the rate limits let the read begin
 *   answer   the read brought a result
 *   fail     the read failed, or took too long
 *   contact  the read has been out for so long that it must have reached upstream
 *   due      the rest is over
 *   fill     a value is put there from elsewhere
 *   remove   it expired, made room, or is not wanted any more
 *   close    the cache closes: no read begins any more. A first read may end if it is waited for
 */
export type KeyEvent<Value = unknown> =
  | { readonly type: "want"; readonly isPatient: boolean }
  | { readonly type: "grant"; readonly now: number }
  | {
      readonly type: "answer"
      readonly attempt: number
      readonly result: FetchResult<Value>
      readonly bytes: number
      readonly now: number
      readonly draw: number
    }
  | {
      readonly type: "fail"
      readonly attempt: number
      readonly error: Error
      readonly isFatal: boolean
      readonly now: number
      readonly draw: number
    }
  | { readonly type: "contact"; readonly attempt: number }
  | { readonly type: "due" }
  | {
      readonly type: "fill"
      readonly result: FetchResult<Value>
      readonly bytes: number
      readonly now: number
    }
  | { readonly type: "remove" }
  | { readonly type: "close"; readonly isWaited: boolean }

/**
 * What is to be done about it, in order.
 *
 *   stop      end what goes on: the wait for the limits, the read, the rest
 *   throttle  wait for the rate limits, then `grant`
 *   fetch     read; `contact` after `contactMs`, `fail` after `overdueMs`
 *   rest      `due` after `delayMs`
 *   keep      what is held is new: count it, and let it expire
 *   wake      everybody who waits looks again
 *   drop      close what the type keeps
 */
export type Effect =
  | { readonly type: "stop" | "throttle" | "keep" | "wake" | "drop" }
  | {
      readonly type: "fetch"
      readonly attempt: number
      readonly since: Position | undefined
      readonly waitMs: number
      readonly contactMs: number | undefined
      readonly overdueMs: number
    }
  | { readonly type: "rest"; readonly delayMs: number }

/** A state, and what is to be done. */
export type Outcome<Value> = readonly [state: KeyState<Value>, effects: readonly Effect[]]

/** What becomes of a key when something happens to it. Pure. */
export function step<Value>(
  state: KeyState<Value>,
  event: KeyEvent<Value>,
  rules: KeyRules,
): Outcome<Value> {
  const cell = TABLE[state.phase][event.type] as Cell
  return cell(state, event as never, rules) as Outcome<Value>
}

type Cell<E extends KeyEvent = never> = (
  state: KeyState,
  event: E,
  rules: KeyRules,
) => Outcome<unknown>

type Row = { readonly [E in KeyEvent["type"]]: Cell<Extract<KeyEvent, { type: E }>> }

const WAKE: Effect = { type: "wake" }
const STOP: Effect = { type: "stop" }
const KEEP: Effect = { type: "keep" }

const stay: Cell<KeyEvent> = (state) => [state, []]

const begin: Cell<KeyEvent> = (state) =>
  state.isClosing ? [state, []] : [{ ...state, phase: "throttled" }, [{ type: "throttle" }]]

const cutShort: Cell<Extract<KeyEvent, { type: "want" }>> = (state, { isPatient }) =>
  isPatient ? [state, []] : [{ ...state, phase: "throttled" }, [STOP, { type: "throttle" }]]

const note: Cell<KeyEvent> = (state) => [{ ...state, isWanted: true }, []]

const remove: Cell<KeyEvent> = (state) => [
  { ...state, phase: "gone" },
  [STOP, WAKE, { type: "drop" }],
]

const shut: Cell<KeyEvent> = (state) => [{ ...state, phase: "idle", isClosing: true }, [STOP, WAKE]]

// A read that waits for news would be waited for in vain, and one that nobody waits for is of no
// use; a first read, which answers at once, may finish.
const shutFetching: Cell<Extract<KeyEvent, { type: "close" }>> = (state, event, rules) =>
  event.isWaited && state.askedSince === undefined
    ? [{ ...state, isClosing: true }, [WAKE]]
    : shut(state, event, rules)

const fill: Cell<Extract<KeyEvent, { type: "fill" }>> = (state, { result, bytes, now }) => {
  const next = absorb(state, result, bytes, now)
  return [{ ...next, error: undefined, lostContactAt: undefined }, [KEEP, WAKE]]
}

const calm: Row = {
  want: begin,
  grant: stay,
  answer: stay,
  fail: stay,
  contact: stay,
  due: stay,
  fill,
  remove,
  close: shut,
}

/**
 * What becomes of each phase at each event. Total: no case is left to the code around it. Answers
 * to a read that is not out any more are nobody's, so only `fetching` hears them.
 */
const TABLE: { readonly [P in Phase]: Row } = {
  idle: calm,
  throttled: { ...calm, want: stay, grant: fetchNow },
  fetching: {
    ...calm,
    want: stay,
    answer: answered,
    fail: failed,
    contact: (state, { attempt }) =>
      attempt === state.attempt ? [{ ...state, lostContactAt: undefined }, []] : [state, []],
    close: shutFetching,
  },
  resting: { ...calm, want: cutShort, due: begin },
  cooling: {
    ...calm,
    want: note,
    due: (state, event, rules) =>
      state.isWanted || rules.refresh
        ? begin({ ...state, isWanted: false }, event, rules)
        : [{ ...state, phase: "idle" }, []],
  },
  gone: {
    want: stay,
    grant: stay,
    answer: stay,
    fail: stay,
    contact: stay,
    due: stay,
    fill: stay,
    remove: stay,
    close: stay,
  },
}

function fetchNow(
  state: KeyState,
  { now }: Extract<KeyEvent, { type: "grant" }>,
  rules: KeyRules,
): Outcome<unknown> {
  const { blocking, refresh, queryTimeoutMs } = rules
  const attempt = state.attempt + 1
  const since = blocking ? state.held?.position : undefined
  const fetch: Effect = {
    type: "fetch",
    attempt,
    since,
    waitMs: blocking ? queryTimeoutMs : 0,
    contactMs: refresh && since && queryTimeoutMs > CONTACT_MS ? CONTACT_MS : undefined,
    // Who answers may add a sixteenth to what it was asked to wait.
    overdueMs: blocking ? (queryTimeoutMs * 17) / 16 + FETCH_GRACE_MS : queryTimeoutMs,
  }
  return [{ ...state, phase: "fetching", attempt, askedAt: now, askedSince: since }, [fetch]]
}

function answered(
  state: KeyState,
  { attempt, result, bytes, now, draw }: Extract<KeyEvent, { type: "answer" }>,
  rules: KeyRules,
): Outcome<unknown> {
  if (attempt !== state.attempt) return [state, []]
  const isWell = result.revision > 0
  const next: KeyState = {
    ...absorb(state, result, bytes, now),
    ...(isWell ? countWell(state, now) : countFailed(state, now)),
    phase: "idle",
    ended: attempt,
    error: undefined,
    lostContactAt: undefined,
  }
  const told: readonly Effect[] = next.held === state.held ? [WAKE] : [KEEP, WAKE]
  if (state.isClosing) return [next, told]
  const backoffMs = isWell ? 0 : fetchBackoffMs(next.failures, draw)
  if (isFutile(state, next, rules, now)) {
    const delayMs = coolingMs(next, rules, backoffMs)
    return [{ ...next, phase: "cooling", isWanted: false }, [...told, { type: "rest", delayMs }]]
  }
  return rest(next, told, rules, backoffMs)
}

function failed(
  state: KeyState,
  event: Extract<KeyEvent, { type: "fail" }>,
  rules: KeyRules,
): Outcome<unknown> {
  const { attempt, error, isFatal, now, draw } = event
  if (attempt !== state.attempt) return [state, []]
  const next: KeyState = {
    ...state,
    phase: "idle",
    ended: attempt,
    ...countFailed(state, now),
    error,
    lostContactAt: rules.refresh ? (state.lostContactAt ?? now) : undefined,
  }
  if (isFatal || state.isClosing) return [next, [WAKE]]
  return rest(next, [WAKE], rules, fetchBackoffMs(next.failures, draw))
}

// A rest of 0 ms is one, too: an upstream that always has news leaves others their turn.
function rest(
  state: KeyState,
  told: readonly Effect[],
  rules: KeyRules,
  backoffMs: number,
): Outcome<unknown> {
  if (!rules.refresh) return [state, told]
  const delayMs = backoffMs + rules.refreshMs
  return [{ ...state, phase: "resting" }, [...told, { type: "rest", delayMs }]]
}

// A type that does not block is read as often as it says. All else that answers at once, without
// news, is asked at most once a second; what brought nothing at all, also if it says more rarely.
function coolingMs({ held }: KeyState, rules: KeyRules, backoffMs: number): number {
  if (held === undefined) return Math.max(COOLING_MS, backoffMs)
  const leastMs = rules.blocking || rules.refreshMs === 0 ? COOLING_MS : 0
  return Math.max(leastMs, backoffMs + rules.refreshMs)
}

// Whether asking again at once would bring the same, at once. So would an upstream that begins anew
// with every answer, such as two hubs with an epoch each behind one address.
function isFutile(before: KeyState, { held }: KeyState, rules: KeyRules, now: number): boolean {
  if (now - before.askedAt >= COOLING_MS) return false
  if (rules.refresh && !rules.blocking) return true
  const from = before.held?.position
  const isNews = held && (!from || (!isReset(from, held.position) && isLater(from, held.position)))
  return !isNews && (rules.blocking || held === undefined)
}

function isLater(from: Position, to: Position): boolean {
  return to.revision > from.revision
}

// What a result leaves to be held. One of this epoch that is behind what is held comes from an
// upstream that lags: it changes nothing.
function absorb(
  state: KeyState,
  result: FetchResult<unknown>,
  bytes: number,
  now: number,
): KeyState {
  const { held } = state
  const { revision, epoch = "", notModified = false } = result
  const value = notModified && held ? held.value : result.value
  if (value === undefined) {
    return result.state === undefined ? state : { ...state, state: result.state }
  }
  const position = { epoch, revision: Math.max(1, revision) }
  const lags = held && !isReset(held.position, position) && isLater(position, held.position)
  if (lags) return state
  const isKept = notModified && held !== undefined
  const next = { value, position, fetchedAt: now, bytes: isKept ? held.bytes : bytes }
  return { ...state, state: result.state, held: next }
}
