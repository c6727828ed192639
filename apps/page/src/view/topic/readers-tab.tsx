import { useSignal } from "@preact/signals"
import { useEffect, useMemo } from "preact/hooks"
import type { RequestFailure } from "../../hub/request.ts"
import { type TopicReader, TopicReaders } from "../../topic/readers.ts"
import { bytes, count, counted, duration } from "../../value/quantity.ts"
import { now } from "../clock.ts"
import { notify } from "../notice.tsx"

/** The readers of a topic, for operators: each with its view, its position and its lag. */
export function ReadersTab({ topic }: { readonly topic: string }) {
  const readers = useMemo(() => new TopicReaders(topic), [topic])
  useEffect(() => () => readers.close(), [readers])
  const failure = readers.failure.value
  const list = readers.list.value
  if (failure && (list === undefined || failure.status !== 0)) return <Refused failure={failure} />
  if (list === undefined) return <p class="card empty">Asking for the readers…</p>
  const slow = list.filter((reader) => reader.slow).length
  return (
    <section class="card readers" aria-labelledby="readers-title">
      <h2 id="readers-title">
        {readers.hasMore.value && "The first "}
        {counted(list.length, "reader")}{" "}
        {slow > 0 && <span class="failure">{count(slow)} slow</span>}
      </h2>
      {list.length === 0 ? (
        <p class="empty">No reader follows this topic now.</p>
      ) : (
        <div class="readers-box">
          <ReaderTable list={list} readers={readers} />
        </div>
      )}
    </section>
  )
}

const REFUSALS: Readonly<Record<number, string>> = {
  401: "The readers are for operators: sign in with a token that has admin.",
  403: "The readers are for operators: this token has no admin.",
  404: "This hub does not list its readers.",
  501: "This hub does not list its readers.",
}

function Refused({ failure }: { readonly failure: RequestFailure }) {
  const { status, message } = failure
  return <p class="card empty">{REFUSALS[status] ?? `The readers are not known: ${message}.`}</p>
}

interface ReaderTableProps {
  readonly list: readonly TopicReader[]
  readonly readers: TopicReaders
}

function ReaderTable({ list, readers }: ReaderTableProps) {
  return (
    <table class="cards">
      <thead>
        <tr>
          <th scope="col">Reader</th>
          <th scope="col">View</th>
          <th scope="col">State</th>
          <th scope="col" class="number">
            Position
          </th>
          <th scope="col" class="number">
            Lag
          </th>
          <th scope="col" class="number">
            Sent
          </th>
          <th scope="col" class="number">
            Since
          </th>
          <th scope="col">
            <span class="unseen">End</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {list.map((reader) => (
          <ReaderRow key={reader.id} reader={reader} readers={readers} />
        ))}
      </tbody>
    </table>
  )
}

interface ReaderRowProps {
  readonly reader: TopicReader
  readonly readers: TopicReaders
}

function ReaderRow({ reader, readers }: ReaderRowProps) {
  const { identity, address, view, policy, state, position, lagRevisions } = reader
  const name = identity ?? address ?? "unknown"
  return (
    <tr data-slow={reader.slow}>
      <th scope="row">
        {name}
        <small>{identity ? address : ""}</small>
      </th>
      <td data-name="View" class="reader-view">
        <code>{viewText(view)}</code>
      </td>
      <td data-name="State">
        {state}
        <small>{policy === "disconnect" ? " · disconnect" : ""}</small>
      </td>
      <td data-name="Position" class="number">
        <code>{position?.split(".").at(-1) ?? "–"}</code>
      </td>
      <td data-name="Lag" class="number lag">
        {reader.slow && <strong>slow: </strong>}
        {lagText(reader)}
        {lagRevisions ? <small> {counted(lagRevisions, "revision")}</small> : ""}
      </td>
      <td data-name="Sent" class="number">
        {bytes(reader.bytes)}
      </td>
      <td data-name="Since" class="number">
        {duration(Math.max(0, now.value - Date.parse(reader.since)))}
      </td>
      <td class="number">
        <EndButton id={reader.id} name={name} readers={readers} />
      </td>
    </tr>
  )
}

function lagText({ lagMs, stalledMs }: TopicReader): string {
  return stalledMs > lagMs ? `stalled ${duration(stalledMs)}` : duration(lagMs)
}

function viewText({ prefixes, keys }: TopicReader["view"]): string {
  const terms = [...prefixes.map((prefix) => `${prefix}*`), ...keys]
  if (terms.length === 0) return "everything"
  const shown = terms.slice(0, 3).join(", ")
  return terms.length > 3 ? `${shown} and ${terms.length - 3} more` : shown
}

interface EndButtonProps {
  readonly id: string
  readonly name: string
  readonly readers: TopicReaders
}

// The first press asks, the second ends: a reader that comes back costs a catch-up.
function EndButton({ id, name, readers }: EndButtonProps) {
  const isAsked = useSignal(false)
  const end = () => {
    if (!isAsked.value) {
      isAsked.value = true
      return
    }
    readers
      .end(id)
      .then(() => notify(`ended the stream of ${name}; it may come back`))
      .catch((error: RequestFailure) => notify(`not ended: ${error.message}`))
  }
  return (
    <button
      type="button"
      class={isAsked.value ? "danger solid" : "danger"}
      aria-label={`${isAsked.value ? "Really end" : "End"} the stream of ${name}`}
      onClick={end}
      onBlur={() => {
        isAsked.value = false
      }}
    >
      {isAsked.value ? "Really end?" : "End"}
    </button>
  )
}
