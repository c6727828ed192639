/** A regular expression over names of frames, as the grammar of PROTOCOL.md writes it. */
export type Expression =
  | { readonly type: "nothing" | "empty" }
  | { readonly type: "frame"; readonly name: string }
  | { readonly type: "sequence" | "choice"; readonly parts: readonly [Expression, Expression] }
  | { readonly type: "repeat"; readonly part: Expression }

const NOTHING: Expression = { type: "nothing" }
const EMPTY: Expression = { type: "empty" }

/**
 * Reads rules, one a line: `name = expression`, of names, `|`, `?`, `*`, `+` and brackets. Returns
 * what the first rule stands for; a name without a rule is a frame.
 */
export function parseGrammar(text: string): Expression {
  const rules = new Map<string, string>()
  for (const line of text.trim().split("\n")) {
    const [, name, rule] = /^(\S+) += (.+)$/.exec(line.trim()) ?? []
    if (name === undefined || rule === undefined) throw new Error(`no rule of a grammar: ${line}`)
    rules.set(name, rule)
  }
  const [first] = rules.keys()
  return new Parser(rules, `${first}`).choice()
}

class Parser {
  readonly #rules: ReadonlyMap<string, string>
  readonly #tokens: string[]

  constructor(rules: ReadonlyMap<string, string>, text: string) {
    this.#rules = rules
    this.#tokens = text.match(/[a-z°-]+|[|?*+()]/g) ?? []
  }

  choice(): Expression {
    let left = this.#sequence()
    while (this.#tokens[0] === "|") {
      this.#tokens.shift()
      left = choiceOf(left, this.#sequence())
    }
    return left
  }

  #sequence(): Expression {
    let left = EMPTY
    while (this.#tokens.length > 0 && !["|", ")"].includes(this.#tokens[0]!)) {
      left = sequenceOf(left, this.#repeated())
    }
    return left
  }

  #repeated(): Expression {
    const part = this.#single()
    switch (this.#tokens[0]) {
      case "*":
        this.#tokens.shift()
        return { type: "repeat", part }
      case "+":
        this.#tokens.shift()
        return sequenceOf(part, { type: "repeat", part })
      case "?":
        this.#tokens.shift()
        return choiceOf(EMPTY, part)
      default:
        return part
    }
  }

  #single(): Expression {
    const token = this.#tokens.shift()!
    if (token === "(") {
      const inner = this.choice()
      if (this.#tokens.shift() !== ")") throw new Error("a bracket of the grammar stays open")
      return inner
    }
    const rule = this.#rules.get(token)
    return rule === undefined
      ? { type: "frame", name: token }
      : new Parser(this.#rules, rule).choice()
  }
}

/** The rest of the grammar after a frame; `nothing` where it may not stand. Brzozowski, 1964. */
export function after(expression: Expression, name: string): Expression {
  switch (expression.type) {
    case "nothing":
    case "empty":
      return NOTHING
    case "frame":
      return expression.name === name ? EMPTY : NOTHING
    case "repeat":
      return sequenceOf(after(expression.part, name), expression)
    case "choice":
      return choiceOf(after(expression.parts[0], name), after(expression.parts[1], name))
    case "sequence": {
      const [first, rest] = expression.parts
      const inside = sequenceOf(after(first, name), rest)
      return mayBeEmpty(first) ? choiceOf(inside, after(rest, name)) : inside
    }
  }
}

function mayBeEmpty(expression: Expression): boolean {
  switch (expression.type) {
    case "nothing":
    case "frame":
      return false
    case "empty":
    case "repeat":
      return true
    case "choice":
      return expression.parts.some(mayBeEmpty)
    case "sequence":
      return expression.parts.every(mayBeEmpty)
  }
}

function sequenceOf(first: Expression, rest: Expression): Expression {
  if (first.type === "nothing" || rest.type === "nothing") return NOTHING
  if (first.type === "empty") return rest
  return rest.type === "empty" ? first : { type: "sequence", parts: [first, rest] }
}

function choiceOf(left: Expression, right: Expression): Expression {
  if (left.type === "nothing") return right
  if (right.type === "nothing") return left
  const isSame = JSON.stringify(left) === JSON.stringify(right)
  return isSame ? left : { type: "choice", parts: [left, right] }
}
