import { signal } from "@preact/signals"

interface Notice {
  readonly number: number
  readonly text: string
}

const NOTICE_MS = 4_000

const notices = signal<readonly Notice[]>([])
let noticesMade = 0

/** Shows a short sentence for a while, such as after a copy or a write. */
export function notify(text: string): void {
  noticesMade += 1
  const notice = { number: noticesMade, text }
  notices.value = [...notices.value.slice(-2), notice]
  setTimeout(() => {
    notices.value = notices.value.filter((shown) => shown !== notice)
  }, NOTICE_MS)
}

/** The short sentences at the foot of the page. */
export function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map(({ number, text }) => (
        <p key={number}>{text}</p>
      ))}
    </div>
  )
}

/** Puts a text on the clipboard, and says so. */
export function copy(text: string, what: string): void {
  const copied = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error("no clipboard"))
  copied
    .then(() => notify(`copied ${what}`))
    .catch(() => notify(`could not copy ${what}: the browser does not allow it on this address`))
}
