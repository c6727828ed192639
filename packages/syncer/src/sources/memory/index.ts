/**
 * A source in this process's memory: for tests, for embedding, and as the model of the others.
 *
 * @example
 * const source = memorySource({ entries: [["greeting", new TextEncoder().encode("hello")]] })
 * const changes = [{ op: "put", key: "greeting", value: new TextEncoder().encode("goodbye") }]
 * await source.write({ conditions: [], changes }, signal)
 *
 * @module
 */
export { type MemoryOptions, MemorySource, memorySource } from "./memory-source.ts"
export { memoryType } from "./memory-type.ts"
