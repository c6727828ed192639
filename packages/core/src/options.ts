import { badOption, OptionError } from "./errors.ts"

/** The values that one option may have. */
export interface OptionRule {
  /** Completes "it must be …": `an integer from 1 to 100`. */
  readonly allowed: string
  readonly test: (value: unknown) => boolean
  /** The option must be there. */
  readonly isRequired?: true
  /** The option is a credential: errors do not show its value. */
  readonly isSecret?: true
}

/** A rule for each option of a type, so that a new option without a rule does not compile. */
export type OptionRules<Options> = { readonly [Name in keyof Options]-?: OptionRule }

/**
 * Checks the options object of a public function, at the call: every option is known and makes
 * sense, and the required ones are there. `undefined` is the same as absent.
 *
 * @param where the function, for the error: `createEngine`.
 * @throws {OptionError} it names the option, its value, and what is allowed.
 */
export function checkOptions<Options extends object>(
  where: string,
  options: Options,
  rules: OptionRules<Options>,
): void {
  if (!objectRule.test(options)) throw badOption(`${where}: options`, options, objectRule.allowed)
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(rules, name)) continue
    const known = Object.keys(rules).join(", ")
    throw new OptionError(name, `${where}: there is no option ${name}; the options are ${known}`)
  }
  for (const name of Object.keys(rules) as (keyof Options & string)[]) {
    const { allowed, test, isRequired, isSecret } = rules[name]
    const value: unknown = options[name]
    if (value === undefined ? !isRequired : test(value)) continue
    throw badOption(`${where}: ${name}`, isSecret ? {} : value, allowed)
  }
}

/** Options over their defaults, where `undefined` is the same as absent. */
export function withDefaults<Options extends object>(
  defaults: Options,
  given: { readonly [Name in keyof Options]?: Options[Name] | undefined },
): Options {
  const named = Object.entries(given).filter(([, value]) => value !== undefined)
  return { ...defaults, ...(Object.fromEntries(named) as Partial<Options>) }
}

/** The same rule, of an option that must be there. */
export function required(rule: OptionRule): OptionRule {
  return { ...rule, isRequired: true }
}

/** The same rule, of a credential. */
export function secret(rule: OptionRule): OptionRule {
  return { ...rule, isSecret: true }
}

/** An integer between two bounds, both included. */
export function integerRule(min: number, max: number = Number.MAX_SAFE_INTEGER): OptionRule {
  return {
    allowed:
      max === Number.MAX_SAFE_INTEGER ? `an integer ≥ ${min}` : `an integer from ${min} to ${max}`,
    test: (value) =>
      Number.isSafeInteger(value) && min <= (value as number) && (value as number) <= max,
  }
}

/** A duration in ms, also a fraction; `Infinity`, unless there is a bound, for never. */
export function durationRule(minMs = 0, maxMs: number = Number.POSITIVE_INFINITY): OptionRule {
  const top = maxMs === Number.POSITIVE_INFINITY ? "up; Infinity is never" : `to ${maxMs}`
  return {
    allowed: `a number of ms from ${minMs} ${top}`,
    test: (value) => typeof value === "number" && minMs <= value && value <= maxMs,
  }
}

/** One of some values. */
export function oneOfRule(...values: readonly unknown[]): OptionRule {
  return {
    allowed: values.map((value) => JSON.stringify(value)).join(" or "),
    test: (value) => values.includes(value),
  }
}

/** A text that is not empty. */
export const textRule: OptionRule = {
  allowed: "a text that is not empty",
  test: (value) => typeof value === "string" && value !== "",
}

/** `true` or `false`. */
export const booleanRule: OptionRule = {
  allowed: "true or false",
  test: (value) => typeof value === "boolean",
}

/** A function. */
export const functionRule: OptionRule = {
  allowed: "a function",
  test: (value) => typeof value === "function",
}

/** An object, of any kind. */
export const objectRule: OptionRule = {
  allowed: "an object",
  test: (value) => typeof value === "object" && value !== null,
}

/** An `AbortSignal`, of whatever realm. */
export const signalRule: OptionRule = {
  allowed: "an AbortSignal",
  test: (value) => objectRule.test(value) && "aborted" in (value as object),
}
