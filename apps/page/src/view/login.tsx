import { useSignal } from "@preact/signals"
import { pollNow } from "../hub/hub-state.ts"
import { isTokenAsked, setToken, token } from "../hub/session.ts"

/** The form that takes a token. */
export function Login() {
  const typed = useSignal("")
  const wasRefused = token.value !== ""
  const submit = (event: Event) => {
    event.preventDefault()
    if (typed.value.trim() === "") return
    setToken(typed.value.trim())
    pollNow()
  }
  return (
    <form class="login card" onSubmit={submit}>
      <h1>Sign in</h1>
      <p>
        Paste a token for this hub. The page keeps it until this tab is closed, and sends it to this
        hub alone.
      </p>
      {wasRefused && (
        <p class="failure" role="alert">
          The hub does not take the present token: it is unknown, has expired or was revoked.
        </p>
      )}
      <label>
        Token
        <input
          type="password"
          autocomplete="off"
          value={typed}
          onInput={(event) => {
            typed.value = event.currentTarget.value
          }}
        />
      </label>
      <div class="actions">
        <button type="submit" class="primary">
          Sign in
        </button>
        <button
          type="button"
          onClick={() => {
            if (wasRefused) setToken("")
            isTokenAsked.value = false
            pollNow()
          }}
        >
          Go on without a token
        </button>
      </div>
    </form>
  )
}
