import { functionRule, type OptionRule, objectRule, secret } from "@headwater/core"
import { TOPIC_PATTERN } from "@headwater/protocol"

/** The address of a hub. In a page, a path is enough. */
export const urlRule: OptionRule = {
  allowed: "an http or https URL without credentials",
  test(value) {
    try {
      const { protocol, username } = new URL(value as string, globalThis.location?.href)
      return /^https?:$/.test(protocol) && username === ""
    } catch {
      return false
    }
  },
}

/** The name of a topic. */
export const topicRule: OptionRule = {
  allowed: `a name of ${TOPIC_PATTERN}`,
  test: (value) => typeof value === "string" && TOPIC_PATTERN.test(value),
}

/** A token, or the function that gives it. */
export const tokenRule: OptionRule = secret({
  allowed: "a text or a function",
  test: (value) => typeof value === "string" || functionRule.test(value),
})

/** A clock. */
export const clockRule: OptionRule = {
  allowed: "a clock",
  test: (value) =>
    objectRule.test(value) && functionRule.test((value as { after?: unknown }).after),
}
