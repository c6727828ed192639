/**
 * The page of a hub: starts what follows the hub, and draws.
 *
 * @module
 */
import { render } from "preact"
import { followAccess } from "./hub/access.ts"
import { startPolling } from "./hub/hub-state.ts"
import { watchLiveness } from "./hub/liveness.ts"
import { followAddress } from "./route.ts"
import { applyTheme } from "./theme.ts"
import { followRoute } from "./topic/open-topic.ts"
import { App } from "./view/app.tsx"

applyTheme()
followAddress()
startPolling()
followAccess()
followRoute()
watchLiveness()
render(<App />, document.getElementById("app")!)
