/**
 * Finds the values of a frame in its text, as they are spelled: a json value is bytes, and
 * `JSON.parse` would round its integers, drop its duplicate members and spell it anew.
 *
 * @param data a JSON object, which `JSON.parse` has read: it must be well-formed.
 * @param list the member of it that is an array of objects.
 * @returns for each of those, the text of its member `value`; `undefined` where it has none.
 */
export function rawValues(data: string, list: string): (string | undefined)[] {
  const scanner = new Scanner(data)
  const values: (string | undefined)[] = []
  scanner.members((name) => {
    if (name !== list) {
      scanner.skip()
      return
    }
    values.length = 0
    scanner.items(() => {
      let value: string | undefined
      scanner.members((member) => {
        const text = scanner.skip()
        if (member === "value") value = text
      })
      values.push(value)
    })
  })
  return values
}

// Walks well-formed JSON, without recursion into a skipped value.
class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** Calls for each member of the object here, standing on its value, which must be passed. */
  members(each: (name: string) => void): void {
    this.#enclosed("}", () => {
      const name = JSON.parse(this.skip()) as string
      this.#space()
      this.#at += 1 // The colon.
      each(name)
    })
  }

  /** Calls for each item of the array here, standing on it; it must be passed. */
  items(each: () => void): void {
    this.#enclosed("]", each)
  }

  /** Passes the value here, and returns its text. */
  skip(): string {
    this.#space()
    const start = this.#at
    let depth = 0
    do {
      const character = this.#text[this.#at]!
      if (character === '"') this.#string()
      else if (depth > 0 || character === "{" || character === "[") this.#at += 1
      else this.#match(/[^\s,\]}]+/y)
      if (character === "{" || character === "[") depth += 1
      if (character === "}" || character === "]") depth -= 1
    } while (depth > 0)
    return this.#text.slice(start, this.#at)
  }

  #enclosed(end: string, each: () => void): void {
    this.#space()
    this.#at += 1
    for (this.#space(); this.#text[this.#at] !== end; this.#space()) {
      if (this.#text[this.#at] === ",") this.#at += 1
      else each()
    }
    this.#at += 1
  }

  #string(): void {
    this.#at += 1
    for (;;) {
      this.#match(/[^"\\]*/y)
      if (this.#text[this.#at] === '"') break
      this.#at += 2 // The escaped character.
    }
    this.#at += 1
  }

  #space(): void {
    this.#match(/\s*/y)
  }

  #match(pattern: RegExp): void {
    pattern.lastIndex = this.#at
    pattern.test(this.#text)
    this.#at = pattern.lastIndex
  }
}
