import type { Handler } from "hono"
import { RequestError } from "../../errors.ts"

/** Returns a handler for all other methods of a resource: 405, with a list of the right ones. */
export function allow(...methods: readonly string[]): Handler {
  return () => {
    throw new RequestError("ERR_METHOD", `this resource has the methods ${methods.join(", ")}`, {
      headers: { allow: methods.join(", ") },
    })
  }
}
