import { parseArgs } from "node:util"
import type { SizeName } from "./task.ts"

/** The arguments of a run. */
export interface Options {
  readonly scenarios: readonly string[]
  readonly runtimes: readonly string[]
  readonly sizeName: SizeName
  /** Thirds of each scenario's rounds that are run: 1, 2 or 3. */
  readonly rounds: number
  readonly seed: number
  /** The path of the results; the report and its charts go beside them. */
  readonly json: string | undefined
  /** Rows that the file has already of other scenarios and runtimes stay. */
  readonly add: boolean
  /** Earlier results to compare with; `baseline`: those in the README. */
  readonly compare: string | undefined
  /** Measures nothing: writes these results into the README. */
  readonly publish: string | undefined
}

/** The command line is wrong. The message is one line. */
export class ArgumentError extends Error {
  override readonly name = "ArgumentError"
}

/** The same for every run that does not ask for another: results are compared. */
export const SEED = 42

/** Size of a run that three runtimes finish within an hour. */
const ROUNDS = 2

/**
 * Reads `--scenario a,b --runtime c,d --size smoke|full --rounds 1|2|3 --seed N --json PATH
 * --add --compare PATH`, or `--publish PATH`. A scenario's name takes with it those that begin with
 * it: `serve`, and `serve-join`; with a dot behind it, `serve.`, it stands for itself.
 *
 * @param args without the program and the script.
 * @param here the names to choose from; all are chosen by default.
 * @throws {ArgumentError}
 */
export function readOptions(
  args: readonly string[],
  here: { readonly scenarios: readonly string[]; readonly runtimes: readonly string[] },
): Options {
  const values = parse(args)
  const size = values.size ?? "full"
  if (size !== "full" && size !== "smoke") throw new ArgumentError("--size takes full or smoke")
  const rounds = Number(values.rounds ?? ROUNDS)
  if (![1, 2, 3].includes(rounds)) throw new ArgumentError("--rounds takes 1, 2 or 3")
  const seed = Number(values.seed ?? SEED)
  if (!Number.isSafeInteger(seed) || seed < 0) throw new ArgumentError("--seed takes an integer")
  return {
    scenarios: chosen("--scenario", values.scenario, here.scenarios),
    runtimes: chosen("--runtime", values.runtime, here.runtimes),
    sizeName: size,
    rounds,
    seed,
    json: values.json,
    add: values.add ?? false,
    compare: values.compare,
    publish: values.publish,
  }
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const
  try {
    return parseArgs({
      args: [...args],
      options: {
        scenario: text,
        runtime: text,
        size: text,
        rounds: text,
        seed: text,
        json: text,
        add: { type: "boolean" },
        compare: text,
        publish: text,
      },
    }).values
  } catch (error) {
    throw new ArgumentError((error as Error).message)
  }
}

function chosen(name: string, value: string | undefined, all: readonly string[]) {
  if (value === undefined) return all
  const names = value.split(",")
  const unknown = names.find((one) => !all.some((other) => isMeant(one, other)))
  if (unknown !== undefined) {
    throw new ArgumentError(`${name} takes some of ${all.join(", ")}; not ${unknown}`)
  }
  return all.filter((one) => names.some((name) => isMeant(name, one)))
}

function isMeant(name: string, one: string): boolean {
  return one === name || one.startsWith(`${name}-`) || `${one}.` === name
}
