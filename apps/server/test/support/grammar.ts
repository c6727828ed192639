import { readFileSync } from "node:fs"
import type { Frame } from "@headwater/protocol"
import { after, type Expression, parseGrammar } from "./grammar-expression.ts"

const PROTOCOL = new URL("../../../../packages/protocol/PROTOCOL.md", import.meta.url)

/** The one place where the order of frames stands: the block in the protocol's text. */
const STREAM = parseGrammar(/```\n(stream +=[^`]+)```/.exec(readFileSync(PROTOCOL, "utf8"))![1]!)

/** Expressions by what came before: few, as streams are alike. */
const known = new Map<Expression, Map<string, Expression>>()

/**
 * Recognises the streams of the protocol, frame by frame, by the grammar in PROTOCOL.md; and that
 * ids never go back. `goodbye` and `fault` end a stream anywhere.
 */
export class Grammar {
  #rest: Expression = STREAM
  #hasBegun = false
  #ended = false
  #heard: string[] = []
  #id: { readonly epoch: string; readonly revision: number } | undefined

  /** True after a last frame. */
  get ended(): boolean {
    return this.#ended
  }

  /** @throws {Error} a frame that may not stand here. */
  hear(frame: Frame): void {
    this.#heard = [...this.#heard.slice(-20), nameOf(frame)]
    if (this.#ended) throw this.#error("a frame after the last")
    if (frame.type === "goodbye" || frame.type === "fault") this.#ended = true
    else this.#rest = this.#next(nameOf(frame))
    if (this.#rest.type === "nothing") throw this.#error("no stream of the protocol")
    if (frame.type === "hello") this.#hasBegun = true
    if (frame.type === "status" && !this.#hasBegun && frame.report.status !== "waiting") {
      throw this.#error("a status before hello that is not waiting")
    }
    if ("id" in frame && frame.id !== undefined) this.#hearId(frame.id)
  }

  #next(name: string): Expression {
    const rests = known.get(this.#rest) ?? new Map<string, Expression>()
    known.set(this.#rest, rests)
    const rest = rests.get(name) ?? after(this.#rest, name)
    rests.set(name, rest)
    return rest
  }

  #error(what: string): Error {
    return new Error(`${what}: … ${this.#heard.join(" ")}`)
  }

  #hearId(id: string): void {
    const [epoch = "", revision = ""] = id.split(".")
    const next = { epoch, revision: Number(revision) }
    const isBack = this.#id?.epoch === epoch && next.revision < this.#id.revision
    if (isBack && next.revision !== 0) throw new Error(`the id went back to ${id}`)
    this.#id = next
  }
}

function nameOf(frame: Frame): string {
  return frame.type === "delta" && frame.id === undefined ? "delta°" : frame.type
}
