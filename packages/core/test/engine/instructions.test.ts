import { readFileSync, writeFileSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { Host } from "../../src/engine/host.ts"
import { wasmHex } from "../../src/engine/wasm-bytes.ts"
import { makeCounting } from "./counting.ts"
import { type Workload, workloadsOn } from "./workloads.ts"

// Gates the speed of the core where time cannot: by instructions that the release build executes
// for each job, which are the same on every machine. Neither more nor fewer by 2 % pass: what got
// cheaper is to stay so. After a change that is meant, write the table anew, and say it in the
// commit:
//
//   HEADWATER_COUNTS=write npx vitest run packages/core/test/engine/instructions.test.ts
//
// `HEADWATER_COUNTS=show` prints which functions execute them, the core's profile.

const TABLE = new URL("instructions.json", import.meta.url)
const NAMES = new URL("../../../../wasm/build/release.wat", import.meta.url)
const TOLERANCE = 0.02
const wish = process.env["HEADWATER_COUNTS"]

interface Counting {
  functions(): number
  executed(index: number): number
}

type Profile = readonly number[]

function profileOf(host: Host): Profile {
  const counting = host.abi as unknown as Counting
  return Array.from({ length: counting.functions() }, (_, index) => counting.executed(index))
}

/** Instructions of each function, for one time that the job is done. */
function count(host: Host, workload: Workload): Profile {
  workload.prepare?.()
  const before = profileOf(host)
  const times = workload.run()
  return profileOf(host).map((executed, index) => (executed - (before[index] ?? 0)) / times)
}

function sumOf(profile: Profile): number {
  return Math.round(profile.reduce((sum, executed) => sum + executed, 0))
}

describe("instructions executed by the release build", () => {
  let module: WebAssembly.Module
  const found: Record<string, number> = {}
  const hostOf = () => new Host({ name: "counting", module }, 2 ** 28, [1, 2], 0xffffffff)

  beforeAll(() => {
    module = new WebAssembly.Module(makeCounting(Uint8Array.from(Buffer.from(wasmHex, "hex"))))
    const host = hostOf()
    for (const workload of workloadsOn(host)) {
      const profile = count(host, workload)
      found[workload.name] = sumOf(profile)
      if (wish === "show") show(workload.name, profile)
    }
    host.dispose()
    if (wish === "write") writeFileSync(TABLE, `${JSON.stringify(found, undefined, 2)}\n`)
  })

  afterAll(() => {
    if (wish !== undefined) console.log(found)
  })

  test("are those of the table, within 2 %", () => {
    const table = JSON.parse(readFileSync(TABLE, "utf8")) as Record<string, number>

    const within = Object.entries(found).map(([name, executed]) => {
      const expected = table[name] ?? 0
      const isNear = Math.abs(executed - expected) <= TOLERANCE * expected
      return [name, isNear ? expected : executed]
    })

    expect(Object.fromEntries(within)).toEqual(table)
  })

  test("are the same again", () => {
    const host = hostOf()

    const again = workloadsOn(host).map((workload) => [workload.name, sumOf(count(host, workload))])
    host.dispose()

    expect(Object.fromEntries(again)).toEqual(found)
  })
})

describe("makeCounting", () => {
  test("counts each instruction of each turn of a loop", () => {
    // (func (export "count") (param i32)
    //   (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
    const type = [1, 5, 1, 0x60, 1, 0x7f, 0]
    const functions = [3, 2, 1, 0]
    const exports = [7, 9, 1, 5, ...new TextEncoder().encode("count"), 0, 0]
    const body = [0, 0x03, 0x40, 0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b, 0x0b]
    const code = [10, body.length + 2, 1, body.length, ...body]
    const bytes = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...type, ...functions, ...exports, ...code]

    const module = new WebAssembly.Module(makeCounting(Uint8Array.from(bytes)))
    const { exports: made } = new WebAssembly.Instance(module)
    const { count, executed } = made as unknown as Counting & { count(times: number): void }
    count(7)

    expect(executed(0)).toBe(7 * 5)
  })
})

/** The functions that execute most of a job. Their names are those that the build wrote down. */
function show(job: string, profile: Profile): void {
  const names = [...readFileSync(NAMES, "utf8").matchAll(/^ \(func \$(?:assembly\/)?(\S+)/gm)]
  const sum = profile.reduce((total, executed) => total + executed, 0)
  const lines = profile
    .map((executed, index) => ({ executed, name: names[index]?.[1] ?? `function ${index}` }))
    .sort((a, b) => b.executed - a.executed)
    .filter(({ executed }) => executed > 0.02 * sum)
    .map(({ executed, name }) => {
      const share = ((100 * executed) / sum).toFixed(0).padStart(4)
      return `${share} %  ${executed.toFixed(0).padStart(6)}  ${name}`
    })
  console.log(`${job}: ${sum.toFixed(0)}\n${lines.join("\n")}`)
}
