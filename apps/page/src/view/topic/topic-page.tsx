import { historyOf, topicState } from "../../hub/hub-state.ts"
import type { TopicState } from "../../hub/topic-state.ts"
import { linkTo, route, TABS, type Tab } from "../../route.ts"
import { FollowedTopic } from "../../topic/followed-topic.ts"
import { openTopic } from "../../topic/open-topic.ts"
import { bytes, count, rate } from "../../value/quantity.ts"
import { StatusChip } from "../status-chip.tsx"
import { ChangesTab } from "./changes-tab.tsx"
import { KeysTab } from "./keys-tab.tsx"
import { ProofMark } from "./proof-mark.tsx"
import { ProofTab } from "./proof-tab.tsx"
import { ReadersTab } from "./readers-tab.tsx"

/** A topic: its facts, and its entries, changes, readers and proof. */
export function TopicPage({ name }: { readonly name: string }) {
  const state = topicState(name)
  if (state === undefined) return <NoTopic name={name} />
  return (
    <div class="page topic">
      <TopicHead state={state} />
      <TabContent state={state} />
    </div>
  )
}

function NoTopic({ name }: { readonly name: string }) {
  return (
    <section class="card empty">
      <h1>No topic {name}</h1>
      <p>
        This hub has no topic of this name that you may read. <a href="#/">See all topics.</a>
      </p>
    </section>
  )
}

function TopicHead({ state }: { readonly state: TopicState }) {
  const view = openTopic.value
  const replica = view instanceof FollowedTopic && view.isLoaded ? view.replica : undefined
  if (view) void view.version.value
  const { topic, status, source, values } = state
  return (
    <div class="topic-head">
      <div class="topic-title">
        <h1>{topic}</h1>
        <p class="topic-meta">
          <StatusChip status={status} />
          <small>{[source, values].filter(Boolean).join(" · ")}</small>
          <ProofMark view={view} />
        </p>
      </div>
      <dl class="facts">
        <Fact name="Revision" value={count(replica?.position?.revision ?? state.revision)} />
        <Fact name="Entries" value={count(replica?.size ?? state.entries)} />
        <Fact name="Bytes" value={bytes(state.bytes)} />
        <Fact name="Writes" value={`${rate(historyOf(topic).writes.last)}/s`} />
        <Fact name="Readers" value={count(state.subscribers)} />
      </dl>
      <nav class="tabs" aria-label="Parts of the topic">
        {TABS.map((tab) => (
          <TabLink key={tab} tab={tab} />
        ))}
      </nav>
    </div>
  )
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}

const TAB_NAMES: Readonly<Record<Tab, string>> = {
  keys: "Keys",
  changes: "Changes",
  readers: "Readers",
  proof: "Proof",
}

function TabLink({ tab }: { readonly tab: Tab }) {
  const isOpen = route.value.tab === tab
  return (
    <a href={linkTo({ tab, find: undefined })} aria-current={isOpen ? "page" : undefined}>
      {TAB_NAMES[tab]}
    </a>
  )
}

function TabContent({ state }: { readonly state: TopicState }) {
  switch (route.value.tab) {
    case "changes":
      return <ChangesTab />
    case "readers":
      return <ReadersTab topic={state.topic} />
    case "proof":
      return <ProofTab state={state} />
    case "keys":
      return <KeysTab state={state} />
  }
}
