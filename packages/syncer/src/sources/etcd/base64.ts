/** Base64 with padding, as etcd's JSON gateway writes bytes. */
export function encodeBase64(bytes: Uint8Array): string {
  let binary = ""
  // In slices: each byte becomes an argument, and a call takes only so many.
  for (let start = 0; start < bytes.length; start += SLICE_BYTES) {
    binary += String.fromCharCode(...bytes.subarray(start, start + SLICE_BYTES))
  }
  return btoa(binary)
}

/** The bytes that base64 stands for. Throws on what is none. */
export function decodeBase64(text: string): Uint8Array {
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index)
  return bytes
}

const SLICE_BYTES = 8_192
