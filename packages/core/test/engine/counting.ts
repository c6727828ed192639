/**
 * Makes a copy of a module that counts the instructions it executes, exactly: the same calls on the
 * same memory give the same count on every machine and every run, which no clock does.
 *
 * Code is cut into runs of instructions that execute together: one ends at each branch, and at each
 * place that a branch may come to. At its start the number of its instructions is added to a global
 * of its function. Not counted: `block`, `loop`, `end`, `else`, `nop`, which make no code.
 *
 * The copy exports two functions more: `functions()` tells how many functions it has, and
 * `executed(n)` how many instructions number n has executed.
 *
 * Knows what AssemblyScript emits for us: one memory, no tables, no exceptions, SIMD.
 *
 * Source: the binary format of the WebAssembly specification, 2.0.
 */

const I32 = 0x7f
const I64 = 0x7e
const F64 = 0x7c
const SECTION = { custom: 0, type: 1, import: 2, function: 3, global: 6, export: 7, code: 10 }
const OP = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  nop: 0x01,
  unreachable: 0x00,
}

/** After these another run begins: what follows may not be executed, or may be come to. */
const ENDS_RUN = new Set([
  OP.loop,
  OP.if,
  OP.else,
  OP.end,
  OP.br,
  OP.brIf,
  OP.brTable,
  OP.return,
  OP.unreachable,
])
const MAKES_NO_CODE = new Set([OP.nop, OP.block, OP.loop, OP.else, OP.end])

/** The counting copy of a module's bytes. */
export function makeCounting(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const sections = readSections(bytes)
  const section = (id: number) => sections.get(id) ?? Uint8Array.of(0)
  const types = readVector(section(SECTION.type))
  const functions = readVector(section(SECTION.function))
  const globals = readVector(section(SECTION.global))
  const exported = readVector(section(SECTION.export))
  const bodies = readBodies(section(SECTION.code))
  const imported = countImportedFunctions(section(SECTION.import))

  const made = bodies.length
  const counted = bodies.map((body, index) => countBody(body, globals.count + index))
  const ours = [tellsCount(made), tellsExecuted(made, globals.count)]
  const signatures = [
    [0x60, 0, 1, F64],
    [0x60, 1, I32, 1, F64],
  ]
  const names = ["functions", "executed"].map((name, position) => [
    ...sized(new TextEncoder().encode(name)),
    0,
    ...leb(imported + made + position),
  ])
  const zeros = bodies.map(() => [I64, 1, 0x42, 0, OP.end])
  sections.set(SECTION.type, extended(types, signatures))
  sections.set(SECTION.function, extended(functions, [leb(types.count), leb(types.count + 1)]))
  sections.set(SECTION.global, extended(globals, zeros))
  sections.set(SECTION.export, extended(exported, names))
  sections.set(SECTION.code, extended({ count: 0, elements: [] }, [...counted, ...ours].map(sized)))
  return writeModule(sections)
}

/** `functions()`. */
function tellsCount(count: number): number[] {
  return [0, 0x44, ...new Uint8Array(Float64Array.of(count).buffer), OP.end]
}

/** `executed(n)`: a comparison for each function. */
function tellsExecuted(count: number, firstGlobal: number): number[] {
  const code = [0]
  for (let index = 0; index < count; index++) {
    code.push(0x20, 0, 0x41, ...signedLeb(index), 0x46, OP.if, 0x40)
    code.push(0x23, ...leb(firstGlobal + index), 0xba, OP.return, OP.end)
  }
  return [...code, OP.unreachable, OP.end]
}

/** A body with the counting put in. */
function countBody(body: Uint8Array, global: number): number[] {
  const reader = new Reader(body)
  for (let groups = reader.leb(); groups > 0; groups--) {
    reader.leb()
    reader.at += 1
  }
  const out = [...body.subarray(0, reader.at)]
  let from = reader.at
  let count = 0
  while (reader.at < body.length) {
    const op = reader.passInstruction()
    if (!MAKES_NO_CODE.has(op)) count += 1
    if (!ENDS_RUN.has(op)) continue
    if (count > 0) {
      out.push(0x23, ...leb(global), 0x42, ...signedLeb(count), 0x7c, 0x24, ...leb(global))
    }
    for (const byte of body.subarray(from, reader.at)) out.push(byte)
    from = reader.at
    count = 0
  }
  return out
}

/** Reads a module's bytes from the front. */
class Reader {
  readonly bytes: Uint8Array
  at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  byte(): number {
    return this.bytes[this.at++] ?? 0
  }

  /** A number in LEB128; of a signed one only the length is right. */
  leb(): number {
    let value = 0
    for (let weight = 1; ; weight *= 128) {
      const byte = this.byte()
      value += (byte & 127) * weight
      if (byte < 128) return value
    }
  }

  /** Passes an instruction with all of its immediates, and tells its opcode. */
  passInstruction(): number {
    const op = this.byte()
    if (op === 0xfc) this.#passBulk()
    else if (op === 0xfd) this.#passVector()
    else if (op === OP.brTable) this.#passLebs(this.leb() + 1)
    else if (op === 0x43) this.at += 4
    else if (op === 0x44) this.at += 8
    else if (op >= 0x28 && op <= 0x3e) this.#passLebs(2)
    else if (HAS_ONE_NUMBER.has(op)) this.leb()
    else if (!isPlain(op)) throw new Error(`opcode ${op} is not known here`)
    return op
  }

  passName(): void {
    const length = this.leb()
    this.at += length
  }

  #passBulk(): void {
    const op = this.leb()
    if (op === 10) this.at += 2
    else if (op === 11) this.at += 1
    else if (op > 7) throw new Error(`opcode 0xfc ${op} is not known here`)
  }

  #passVector(): void {
    const op = this.leb()
    const isLaneOfMemory = op >= 84 && op <= 91
    if (op <= 11 || op === 92 || op === 93 || isLaneOfMemory) this.#passLebs(2)
    if (op === 12 || op === 13) this.at += 16
    if ((op >= 21 && op <= 34) || isLaneOfMemory) this.at += 1
  }

  #passLebs(count: number): void {
    for (let left = count; left > 0; left--) this.leb()
  }
}

/** Block types, labels, functions, locals, globals, memories, and constants of integers. */
const HAS_ONE_NUMBER = new Set([
  ...[OP.block, OP.loop, OP.if, OP.br, OP.brIf, 0x10],
  ...[0x20, 0x21, 0x22, 0x23, 0x24],
  ...[0x3f, 0x40, 0x41, 0x42],
])

/** Returns true if an opcode is known to have no immediates. */
function isPlain(op: number): boolean {
  const control: number[] = [OP.unreachable, OP.nop, OP.else, OP.end, OP.return, 0x1a, 0x1b]
  return control.includes(op) || (op >= 0x45 && op <= 0xc4)
}

type Bytes = Uint8Array | readonly number[]

/** The sections of a module by their ids, but for custom ones. */
function readSections(bytes: Uint8Array): Map<number, Bytes> {
  const reader = new Reader(bytes)
  const sections = new Map<number, Bytes>()
  reader.at = 8
  while (reader.at < bytes.length) {
    const id = reader.byte()
    const length = reader.leb()
    if (id !== SECTION.custom) sections.set(id, bytes.subarray(reader.at, reader.at + length))
    reader.at += length
  }
  return sections
}

/** A vector that is only to be added to: its length, and its elements as they stand. */
interface Vector {
  readonly count: number
  readonly elements: Bytes
}

function readVector(section: Bytes): Vector {
  const reader = new Reader(Uint8Array.from(section))
  const count = reader.leb()
  return { count, elements: reader.bytes.subarray(reader.at) }
}

function readBodies(section: Bytes): Uint8Array[] {
  const reader = new Reader(Uint8Array.from(section))
  return Array.from({ length: reader.leb() }, () => {
    const length = reader.leb()
    reader.at += length
    return reader.bytes.subarray(reader.at - length, reader.at)
  })
}

/** Counts the imported functions. Ours imports functions and a memory. */
function countImportedFunctions(section: Bytes): number {
  const reader = new Reader(Uint8Array.from(section))
  let functions = 0
  for (let left = reader.leb(); left > 0; left--) {
    for (let name = 0; name < 2; name++) reader.passName()
    const kind = reader.byte()
    const typeOrFlags = reader.leb()
    if (kind === 0) functions += 1
    else if (kind !== 2) throw new Error(`an import of kind ${kind} is not known here`)
    else {
      reader.leb()
      if ((typeOrFlags & 1) === 1) reader.leb() // a bound
    }
  }
  return functions
}

function extended({ count, elements }: Vector, more: readonly Bytes[]): number[] {
  const out = [...leb(count + more.length), ...elements]
  for (const element of more) for (const byte of element) out.push(byte)
  return out
}

function sized(bytes: Bytes): number[] {
  return [...leb(bytes.length), ...bytes]
}

function writeModule(sections: ReadonlyMap<number, Bytes>): Uint8Array<ArrayBuffer> {
  const out = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
  for (const [id, section] of [...sections].sort(([a], [b]) => placeOf(a) - placeOf(b))) {
    out.push(id, ...leb(section.length))
    for (const byte of section) out.push(byte)
  }
  return Uint8Array.from(out)
}

/** Sections stand in the order of their ids, but for the count of data, which is before code. */
function placeOf(id: number): number {
  return id === 12 ? SECTION.code - 0.5 : id
}

function leb(value: number): number[] {
  const bytes: number[] = []
  let left = value
  for (; left > 127; left >>>= 7) bytes.push((left & 127) | 128)
  return [...bytes, left]
}

/** Of a number that is not negative: its sign bit is clear. */
function signedLeb(value: number): number[] {
  const bytes: number[] = []
  let left = value
  for (; left > 63; left >>>= 7) bytes.push((left & 127) | 128)
  return [...bytes, left]
}
