/** An answer of etcd's, and the entries in it unread. */
export interface SplitAnswer<Answer> {
  /** Each `kvs` in it is a list of one number, which is its place in `arrays`. */
  readonly answer: Answer
  /** The bytes between the brackets of each `kvs`, in pieces as they came. */
  readonly arrays: readonly (readonly Uint8Array[])[]
}

/**
 * Reads a whole answer, and parses all but its entries. Says of each piece that it is heard, so
 * that a slow connection is not taken for a silent one.
 *
 * The signal cancels the body as well: the `fetch` of Node 20 and 22 forgets its own once the
 * request was collected as garbage.
 */
export async function splitAnswerOf<Answer>(
  { body }: Response,
  signal: AbortSignal,
  heard: () => void,
): Promise<SplitAnswer<Answer>> {
  const reader = (body as ReadableStream<Uint8Array>).getReader()
  const cancel = () => {
    reader.cancel().catch(() => {})
  }
  signal.addEventListener("abort", cancel, { once: true })
  const splitter = new AnswerSplitter()
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      heard()
      splitter.push(read.value)
    }
    signal.throwIfAborted()
  } finally {
    signal.removeEventListener("abort", cancel)
    cancel()
  }
  const { text, arrays } = splitter.end()
  return { answer: JSON.parse(text) as Answer, arrays }
}

/**
 * Takes the entries out of an answer of etcd's gateway while it comes: the rest is text, and they
 * are read later, slice by slice: see `PairReader`.
 *
 * Looks for brackets alone. An entry is an object of base64 and numbers, which has none;
 * where that is not so, what is left is no JSON, and nothing is read wrongly.
 *
 * Cost: a search for one byte.
 */
export class AnswerSplitter {
  readonly #arrays: Uint8Array[][] = []
  readonly #decoder = new TextDecoder()
  #text = ""
  #open: Uint8Array[] | undefined

  /** The next piece of the answer, which is the splitter's from now on. */
  push(chunk: Uint8Array): void {
    for (let start = 0; start < chunk.length; ) {
      start = this.#open ? this.#keep(chunk, start, this.#open) : this.#read(chunk, start)
    }
  }

  /** The whole answer. */
  end(): { readonly text: string; readonly arrays: readonly (readonly Uint8Array[])[] } {
    return { text: this.#text + this.#decoder.decode(), arrays: this.#arrays }
  }

  #keep(chunk: Uint8Array, start: number, open: Uint8Array[]): number {
    const close = chunk.indexOf(CLOSE, start)
    const end = close < 0 ? chunk.length : close
    if (end > start) open.push(chunk.subarray(start, end))
    if (close >= 0) this.#open = undefined
    return end
  }

  #read(chunk: Uint8Array, start: number): number {
    const bracket = chunk.indexOf(OPEN, start)
    const end = bracket < 0 ? chunk.length : bracket + 1
    this.#text += this.#decoder.decode(chunk.subarray(start, end), { stream: true })
    if (bracket < 0 || !KVS.test(this.#text)) return end
    this.#text += this.#arrays.length
    this.#open = []
    this.#arrays.push(this.#open)
    return end
  }
}

const OPEN = 0x5b
const CLOSE = 0x5d
const KVS = /"kvs"\s*:\s*\[$/
