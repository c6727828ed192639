import type { Handler } from "hono"
import { RequestError } from "../../errors.ts"

/** Answers every other method of a resource: 405, with those that it has. */
export function allow(...methods: readonly string[]): Handler {
  return () => {
    throw new RequestError("ERR_METHOD", `this resource takes ${methods.join(", ")}`, {
      headers: { allow: methods.join(", ") },
    })
  }
}
