/** The exit codes of the command. `docs/` and `--help` have them as well. */
export const EXIT = {
  /** Done as asked. */
  done: 0,
  /** The answer is no: absent, a condition failed, a difference, a fault was found. */
  no: 1,
  /** It could not be done: wrong arguments, no hub, a refusal, an unreadable file. */
  failed: 2,
  /** `--timeout` ended it, as `timeout` of the shell does. */
  timeout: 124,
  /** SIGINT or SIGTERM ended it. */
  interrupted: 130,
} as const

/** A verb could not do as asked. The message is the one line that the caller sees. */
export class TaskError extends Error {
  override readonly name = "TaskError"
  readonly exitCode: number

  constructor(message: string, exitCode: number = EXIT.failed, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}

/** The reason of a signal that ends a verb: SIGINT, or `--timeout`. */
export class EndedError extends TaskError {}

/** Makes an error of anything that was thrown, in one line, with its cause. */
export function lineOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause, message } = error
  const line = message.split("\n")[0] ?? ""
  const reason = cause instanceof Error ? reasonOf(cause) : undefined
  return reason === undefined || line.includes(reason) ? line : `${line}: ${reason}`
}

// An error of several attempts, one for each address, has no message of its own.
function reasonOf(error: Error): string {
  const { errors, code, cause } = error as {
    errors?: readonly Error[]
    code?: string
    cause?: unknown
  }
  if (error.message === "fetch failed" && cause instanceof Error) return reasonOf(cause)
  return error.message || errors?.[0]?.message || code || error.name
}
