import { ValueError } from "./errors.ts"

/**
 * The bytes that a caller passed in. A `Uint8Array` comes back as it is; any other view of a buffer
 * (`Uint16Array`, `DataView`) as the bytes that it covers.
 *
 * A check at the edge of every public function that takes bytes: a string, an array or a bare
 * `ArrayBuffer` has no `byteLength` of its own kind, and would be stored as bytes that belong to
 * another value.
 *
 * @param name what the error calls it: `the value of "a/b"`.
 * @throws {ValueError} it is not a view of a buffer.
 */
export function checkBytes(bytes: unknown, name = "the value"): Uint8Array {
  if (bytes instanceof Uint8Array) return bytes
  if (ArrayBuffer.isView(bytes)) {
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
  throw new ValueError(`${name} is ${nameOf(bytes)}; pass a Uint8Array`)
}

function nameOf(value: unknown): string {
  if (value === null || value === undefined) return `${value}`
  return typeof value === "object"
    ? `of type ${value.constructor?.name ?? "object"}`
    : `a ${typeof value}`
}
