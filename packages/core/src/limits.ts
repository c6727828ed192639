/** A key is 1 to 4,096 bytes of UTF-8: a path, not a document; it fits the leaf's 13 bits. */
export const KEY_BYTES_MAX = 4_096

/**
 * A value is at most 1 MiB unless a topic's configuration sets another bound; etcd's is 1.5 MiB.
 * The engine itself takes values up to `VALUE_BYTES_MAX` of its layout, 16 MiB.
 */
export const VALUE_BYTES_DEFAULT = 1_048_576
