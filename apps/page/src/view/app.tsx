import { hubLink, topics } from "../hub/hub-state.ts"
import { isTokenAsked } from "../hub/session.ts"
import { route } from "../route.ts"
import { Header } from "./header.tsx"
import { HubBanner } from "./hub-banner.tsx"
import { Login } from "./login.tsx"
import { Notices } from "./notice.tsx"
import { Overview } from "./overview/overview.tsx"
import { TopicPage } from "./topic/topic-page.tsx"

/** The page: its head, a banner while the hub is gone, and what the address names. */
export function App() {
  return (
    <div class="app" data-link={hubLink.value.state}>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Header />
      <HubBanner />
      <main id="main" tabIndex={-1}>
        <Content />
      </main>
      <Notices />
    </div>
  )
}

function Content() {
  const { topic } = route.value
  if (isTokenAsked.value) return <Login />
  if (topics.value === undefined) return <Opening />
  return topic === undefined ? <Overview /> : <TopicPage name={topic} key={topic} />
}

function Opening() {
  const isGone = hubLink.value.state === "gone"
  return (
    <p class="empty" role="status">
      {isGone ? "The hub cannot be reached. The page tries again every second." : "Asking the hub…"}
    </p>
  )
}
