/** A subject did the job wrong: its times are worth nothing. */
export class WrongAnswerError extends Error {
  override readonly name = "WrongAnswerError"
}

/** Throws unless the answer is the expected one. Both are compared as JSON. */
export function expectAnswer(what: string, answer: unknown, expected: unknown): void {
  const [got, wanted] = [JSON.stringify(answer), JSON.stringify(expected)]
  if (got !== wanted) throw new WrongAnswerError(`${what}: ${shown(got)}, not ${shown(wanted)}`)
}

function shown(json = "undefined"): string {
  return json.length > SHOWN_MAX ? `${json.slice(0, SHOWN_MAX)}…` : json
}

/** Characters of an answer that the message shows. */
const SHOWN_MAX = 500
