import { assert, PoisonedError } from "../errors.ts"
import { ABI_VERSION, PAGE_BYTES } from "./layout.ts"

/**
 * A build of the core: its bytes as hex digits, which load everywhere; or a module that was
 * compiled ahead, for hosts that forbid compiling.
 */
export type EngineBuild =
  | { readonly name: string; readonly hex: string }
  | { readonly name: string; readonly module: WebAssembly.Module }

/** The exports of `wasm/assembly/index.ts`. Addresses, versions and revisions are numbers. */
export interface Abi {
  abiVersion(): number
  create(pagesMax: number, seedLo: number, seedHi: number, hashMask: number): number
  allocate(bytes: number): number
  release(block: number): void
  put(
    key: number,
    keyBytes: number,
    value: number,
    valueBytes: number,
    revision: number,
    scratch: number,
  ): number
  remove(key: number, keyBytes: number, revision: number, scratch: number): number
  write(updates: number, count: number, mode: number, scratch: number): number
  find(root: number, key: number, keyBytes: number): number
  findOpen(key: number, keyBytes: number): number
  commit(reach: number, complete: number): number
  abort(): void
  retainRecord(record: number): void
  releaseRecord(record: number): void
  reclaim(blocksMax: number): number
  sweep(horizon: number, bytesMax: number, entriesMax: number, scratch: number): number
  horizon(): number
  beginResync(): void
  endResync(): void
  sweepUnseen(request: number, revision: number, visitsMax: number, scratch: number): number
  walk(request: number): void
  diff(request: number): void
  beginImage(version: number, horizon: number): void
  restore(from: number, bytes: number, scratch: number): number
  restoreQueue(from: number, entries: number): number
  endImage(): void
  verify(record: number, scratch: number): void
  current(): number
  createBuffer(): number
  destroyBuffer(buffer: number): void
  append(buffer: number, kind: number, length: number, version: number, revision: number): number
  appendItem(buffer: number, item: number): void
  head(buffer: number): number
  advance(item: number): number
  retainItem(item: number): void
  releaseItem(item: number, itemsMax: number): number
}

type Call = (...numbers: number[]) => number

const modules = new Map<EngineBuild, WebAssembly.Module>()

/** An instance of a build on a memory of its own. Synchronous; compiled once a build. */
export function instantiate(
  build: EngineBuild,
  pagesMax: number,
): { abi: Abi; memory: WebAssembly.Memory } {
  const module = moduleOf(build)
  const memory = new WebAssembly.Memory({ initial: 2, maximum: pagesMax })
  const abort = (message: number, file: number, line: number): never => {
    throw new Error(`${textAt(memory, message)} at ${textAt(memory, file)}:${line}`)
  }
  const { exports } = new WebAssembly.Instance(module, { env: { memory, abort } })
  const abi = guard(exports as unknown as Record<string, Call>) as unknown as Abi
  assert(abi.abiVersion() === ABI_VERSION, `a core of ABI ${ABI_VERSION}`)
  return { abi, memory }
}

function moduleOf(build: EngineBuild): WebAssembly.Module {
  if ("module" in build) return build.module
  let module = modules.get(build)
  if (module === undefined) {
    module = new WebAssembly.Module(bytesOf(build.hex))
    modules.set(build, module)
  }
  return module
}

/** Bytes from hex digits in lower case. Base64 is shorter, but a fifth larger once compressed. */
function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(hex.length >> 1)
  for (let at = 0; at < hex.length; at++) {
    const letter = hex.charCodeAt(at)
    bytes[at >> 1] = (bytes[at >> 1]! << 4) | ((letter & 15) + 9 * (letter >> 6))
  }
  return bytes
}

/** Pages that a bound in bytes allows; not quite 4 GiB, so that the end of memory fits u32. */
export function pagesFor(bytesMax: number): number {
  return Math.min(65_535, Math.max(64, Math.floor(bytesMax / PAGE_BYTES)))
}

/**
 * Wraps each export so that a trap poisons all of them: what a trap leaves half done is in no state
 * to be read. One wrapper for each number of arguments, since spreading them costs more than a
 * call.
 */
function guard(exports: Record<string, Call>): Record<string, Call> {
  const guarded: Record<string, Call> = {}
  const poison = (cause: unknown): never => {
    const poisoned = () => {
      throw new PoisonedError(
        "the engine hit a trap, a bug in its core, and refuses all calls; make a new engine",
        { cause },
      )
    }
    for (const name of Object.keys(guarded)) guarded[name] = poisoned
    return poisoned()
  }
  for (const [name, call] of Object.entries(exports)) {
    if (typeof call === "function") guarded[name] = wrap(call, poison)
  }
  return guarded
}

function wrap(call: Call, poison: (cause: unknown) => never): Call {
  switch (call.length) {
    case 0:
      return () => {
        try {
          return call()
        } catch (trap) {
          return poison(trap)
        }
      }
    case 1:
      return (a) => {
        try {
          return call(a!)
        } catch (trap) {
          return poison(trap)
        }
      }
    case 2:
      return (a, b) => {
        try {
          return call(a!, b!)
        } catch (trap) {
          return poison(trap)
        }
      }
    case 3:
      return (a, b, c) => {
        try {
          return call(a!, b!, c!)
        } catch (trap) {
          return poison(trap)
        }
      }
    case 4:
      return (a, b, c, d) => {
        try {
          return call(a!, b!, c!, d!)
        } catch (trap) {
          return poison(trap)
        }
      }
    case 5:
      return (a, b, c, d, e) => {
        try {
          return call(a!, b!, c!, d!, e!)
        } catch (trap) {
          return poison(trap)
        }
      }
    default:
      return (a, b, c, d, e, f) => {
        try {
          return call(a!, b!, c!, d!, e!, f!)
        } catch (trap) {
          return poison(trap)
        }
      }
  }
}

/** A string of the debug build: UTF-16, its length in bytes in the word before it. */
function textAt(memory: WebAssembly.Memory, address: number): string {
  if (address === 0) return "assertion failed"
  const bytes = new DataView(memory.buffer).getUint32(address - 4, true)
  return String.fromCharCode(...new Uint16Array(memory.buffer, address, bytes >> 1))
}
