import { access } from "../hub/access.ts"
import { hubLink, topics } from "../hub/hub-state.ts"
import { isTokenAsked, setToken, token } from "../hub/session.ts"
import { formatRoute, route } from "../route.ts"
import { THEMES, theme } from "../theme.ts"
import { Icon, type IconName } from "./icon.tsx"

/** The head of the page: the way back to the overview, the topic, the link, login and colours. */
export function Header() {
  return (
    <header class="head">
      <a class="brand" href="#/" aria-label="Headwater: overview">
        <Drop />
        <span>Headwater</span>
      </a>
      <TopicPicker />
      <div class="head-end">
        <LinkState />
        <Session />
        <ThemeSwitch />
      </div>
    </header>
  )
}

function Drop() {
  return (
    <svg class="drop" viewBox="0 0 32 32" aria-hidden="true">
      <path d="M16 2c5 7 10 11 10 17a10 10 0 0 1-20 0c0-6 5-10 10-17z" />
    </svg>
  )
}

function TopicPicker() {
  const names = (topics.value ?? []).map(({ topic }) => topic)
  const { topic } = route.value
  if (topic === undefined) return null
  const shown = names.includes(topic) ? names : [topic, ...names]
  const go = (event: Event) => {
    const name = (event.currentTarget as HTMLSelectElement).value
    location.hash = formatRoute({ ...route.value, topic: name, key: undefined, prefix: undefined })
  }
  return (
    <label class="picker">
      <span class="unseen">Topic</span>
      <select value={topic} onChange={go}>
        {shown.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  )
}

const LINK_TEXTS = { connecting: "connecting", online: "live", gone: "hub gone" } as const

function LinkState() {
  const { state } = hubLink.value
  return (
    <span class="link-state" data-state={state}>
      <span class="dot" aria-hidden="true" />
      <span class="link-text">{LINK_TEXTS[state]}</span>
    </span>
  )
}

function Session() {
  const identity = access.value?.identity
  if (token.value === "") {
    return (
      <button
        type="button"
        class="quiet"
        aria-label="Sign in"
        onClick={() => {
          isTokenAsked.value = !isTokenAsked.value
        }}
      >
        <Icon name="key" />
        <span class="wide-only">Sign in</span>
      </button>
    )
  }
  return (
    <button type="button" class="quiet" onClick={() => setToken("")} aria-label="Sign out">
      <Icon name="key" />
      <span class="wide-only">{identity ? `${identity} · sign out` : "Sign out"}</span>
    </button>
  )
}

const THEME_ICONS: Readonly<Record<string, IconName>> = { auto: "auto", light: "sun", dark: "moon" }

function ThemeSwitch() {
  const next = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length]!
  return (
    <button
      type="button"
      class="quiet square"
      aria-label={`Colours: ${theme.value}. Change to ${next}`}
      title={`Colours: ${theme.value}`}
      onClick={() => {
        theme.value = next
      }}
    >
      <Icon name={THEME_ICONS[theme.value]!} />
    </button>
  )
}
