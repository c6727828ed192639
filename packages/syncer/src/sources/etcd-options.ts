import {
  functionRule,
  type OptionRule,
  type OptionRules,
  required,
  secret,
  textRule,
} from "@headwater/core"
import { clockRule } from "../check-options.ts"
import type { GatewayOptions } from "./etcd/gateway.ts"

/** The rules of the options that both APIs of etcd have. */
export const ETCD_RULES: OptionRules<GatewayOptions> = {
  endpoints: required({
    allowed: "a list of http: or https: URLs, one or more",
    test: isEndpoints,
  }),
  username: textRule,
  password: secret({ allowed: "a text or a function", test: isSecret }),
  fetch: functionRule,
  clock: required(clockRule()),
}

/** A text, also an empty one. */
export const anyTextRule: OptionRule = {
  allowed: "a text",
  test: (value) => typeof value === "string",
}

function isSecret(value: unknown): boolean {
  return typeof value === "string" || typeof value === "function"
}

function isEndpoints(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isHttpUrl)
}

function isHttpUrl(value: unknown): boolean {
  return typeof value === "string" && /^https?:/.test(value) && URL.canParse(value)
}
