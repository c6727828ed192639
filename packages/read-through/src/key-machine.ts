import type { FetchResult, Position } from "@headwater/core"
import { isReset, type KeyPhase, type KeyRules, type KeyState } from "./key-state.ts"
import { CONTACT_MS, COOLING_MS, FETCH_GRACE_MS } from "./limits.ts"
import { countFailed, countWell, FETCH_RETRY, retryWaitMs } from "./retry.ts"

/**
 * An event of a key. Times are `elapsed` ms; a draw is from 0 to below 1.
 *
 *   want     a caller needs a read. A patient one does not cut a rest short
 *   grant    the rate limits let the read begin
 *   answer   the read brought a result
 *   fail     the read failed, or took too long
 *   contact  the read has been in flight for so long that it must have reached upstream
 *   due      the rest is over
 *   fill     a value from elsewhere
 *   remove   the key expired, made room, or was evicted
 *   close    the cache closes: no read begins any more. A first read with waiters may end
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
 * An effect of an event. Effects are acted out in order.
 *
 *   stop      end the activity: the wait for the limits, the read, or the rest
 *   throttle  wait for the rate limits, then `grant`
 *   fetch     read; `contact` after `contactMs`, `fail` after `overdueMs`
 *   rest      `due` after `delayMs`
 *   keep      the current value is new: count it, and let it expire
 *   wake      all waiters look again
 *   drop      close the state of the type
 */
export type KeyEffect =
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

/** A new state, and the effects. */
export type KeyOutcome<Value> = readonly [state: KeyState<Value>, effects: readonly KeyEffect[]]

/** Returns the state and the effects of a key after an event. Pure. */
export function step<Value>(
  state: KeyState<Value>,
  event: KeyEvent<Value>,
  rules: KeyRules,
): KeyOutcome<Value> {
  const cell = TABLE[state.phase][event.type] as KeyCell
  return cell(state, event as never, rules) as KeyOutcome<Value>
}

type KeyCell<E extends KeyEvent = never> = (
  state: KeyState,
  event: E,
  rules: KeyRules,
) => KeyOutcome<unknown>

type KeyRow = { readonly [E in KeyEvent["type"]]: KeyCell<Extract<KeyEvent, { type: E }>> }

const WAKE: KeyEffect = { type: "wake" }
const STOP: KeyEffect = { type: "stop" }
const KEEP: KeyEffect = { type: "keep" }

const stay: KeyCell<KeyEvent> = (state) => [state, []]

const begin: KeyCell<KeyEvent> = (state) =>
  state.isClosing ? [state, []] : [{ ...state, phase: "throttled" }, [{ type: "throttle" }]]

const cutShort: KeyCell<Extract<KeyEvent, { type: "want" }>> = (state, { isPatient }) =>
  isPatient ? [state, []] : [{ ...state, phase: "throttled" }, [STOP, { type: "throttle" }]]

const note: KeyCell<KeyEvent> = (state) => [{ ...state, isWanted: true }, []]

const remove: KeyCell<KeyEvent> = (state) => [
  { ...state, phase: "gone" },
  [STOP, WAKE, { type: "drop" }],
]

const shut: KeyCell<KeyEvent> = (state) => [
  { ...state, phase: "idle", isClosing: true },
  [STOP, WAKE],
]

// A first read answers at once, and may finish while callers wait for it. A read that waits for
// news would be waited for in vain.
const shutFetching: KeyCell<Extract<KeyEvent, { type: "close" }>> = (state, event, rules) =>
  event.isWaited && state.askedSince === undefined
    ? [{ ...state, isClosing: true }, [WAKE]]
    : shut(state, event, rules)

const fill: KeyCell<Extract<KeyEvent, { type: "fill" }>> = (state, { result, bytes, now }) => {
  const next = absorb(state, result, bytes, now)
  return [{ ...next, error: undefined, lostContactAt: undefined }, [KEEP, WAKE]]
}

const calm: KeyRow = {
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
 * The outcome of each event in each phase. Total: no case is left to the code around it. Only
 * `fetching` takes answers: one to a read that was stopped is dropped.
 */
const TABLE: { readonly [P in KeyPhase]: KeyRow } = {
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
): KeyOutcome<unknown> {
  const { blocking, refresh, queryTimeoutMs } = rules
  const attempt = state.attempt + 1
  const since = blocking ? state.current?.position : undefined
  const fetch: KeyEffect = {
    type: "fetch",
    attempt,
    since,
    waitMs: blocking ? queryTimeoutMs : 0,
    contactMs: refresh && since && queryTimeoutMs > CONTACT_MS ? CONTACT_MS : undefined,
    // An upstream may add a sixteenth to the wait that it was asked for.
    overdueMs: blocking ? (queryTimeoutMs * 17) / 16 + FETCH_GRACE_MS : queryTimeoutMs,
  }
  return [{ ...state, phase: "fetching", attempt, askedAt: now, askedSince: since }, [fetch]]
}

function answered(
  state: KeyState,
  { attempt, result, bytes, now, draw }: Extract<KeyEvent, { type: "answer" }>,
  rules: KeyRules,
): KeyOutcome<unknown> {
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
  const effects: readonly KeyEffect[] = next.current === state.current ? [WAKE] : [KEEP, WAKE]
  if (state.isClosing) return [next, effects]
  const backoffMs = isWell ? 0 : retryWaitMs(FETCH_RETRY, next.failures, draw)
  if (isFutile(state, next, rules, now)) {
    const delayMs = coolingMs(next, rules, backoffMs)
    return [{ ...next, phase: "cooling", isWanted: false }, [...effects, { type: "rest", delayMs }]]
  }
  return rest(next, effects, rules, backoffMs)
}

function failed(
  state: KeyState,
  event: Extract<KeyEvent, { type: "fail" }>,
  rules: KeyRules,
): KeyOutcome<unknown> {
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
  return rest(next, [WAKE], rules, retryWaitMs(FETCH_RETRY, next.failures, draw))
}

// A rest of 0 ms is a timer, too: other tasks run before an upstream with news is asked again.
function rest(
  state: KeyState,
  effects: readonly KeyEffect[],
  rules: KeyRules,
  backoffMs: number,
): KeyOutcome<unknown> {
  if (!rules.refresh) return [state, effects]
  const delayMs = backoffMs + rules.refreshMs
  return [{ ...state, phase: "resting" }, [...effects, { type: "rest", delayMs }]]
}

// A type that does not block is read every `refreshMs`. Other upstreams that answer at once,
// without news, are asked at most once a second. So is one without a value, at any `refreshMs`.
function coolingMs({ current }: KeyState, rules: KeyRules, backoffMs: number): number {
  if (current === undefined) return Math.max(COOLING_MS, backoffMs)
  const leastMs = rules.blocking || rules.refreshMs === 0 ? COOLING_MS : 0
  return Math.max(leastMs, backoffMs + rules.refreshMs)
}

// Returns whether another read at once would bring the same at once. An upstream that begins anew
// with every answer counts, too: two hubs with an epoch each behind one address do that.
function isFutile(before: KeyState, { current }: KeyState, rules: KeyRules, now: number): boolean {
  if (now - before.askedAt >= COOLING_MS) return false
  if (rules.refresh && !rules.blocking) return true
  const from = before.current?.position
  const isNews =
    current && (!from || (!isReset(from, current.position) && isLater(from, current.position)))
  return !isNews && (rules.blocking || current === undefined)
}

function isLater(from: Position, to: Position): boolean {
  return to.revision > from.revision
}

// Returns the state with the value of a result. A value of this epoch that is behind the current
// one comes from an upstream that lags: it changes nothing.
function absorb(
  state: KeyState,
  result: FetchResult<unknown>,
  bytes: number,
  now: number,
): KeyState {
  const { current } = state
  const { revision, epoch = "", notModified = false } = result
  const value = notModified && current ? current.value : result.value
  if (value === undefined) {
    return result.state === undefined ? state : { ...state, state: result.state }
  }
  const position = { epoch, revision: Math.max(1, revision) }
  const lags =
    current && !isReset(current.position, position) && isLater(position, current.position)
  if (lags) return state
  const isKept = notModified && current !== undefined
  const next = { value, position, fetchedAt: now, bytes: isKept ? current.bytes : bytes }
  return { ...state, state: result.state, current: next }
}
