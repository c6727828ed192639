// The boundary in numbers: ABI version, limits, fixed offsets, and what each code means. The host's
// mirror of this file is generated from it, so every line of it is `export const NAME: type =
// value`.

/**
 * Changes whenever a layout, an export or a code below does. An image of another ABI is foreign.
 */
export const ABI_VERSION: u32 = 2

/** Bytes of a page: WebAssembly's, and the arena's unit. */
export const PAGE_BYTES: u32 = 65536

/** First descriptor of the page table. Page 0 holds the state below and constant data. */
export const PAGE_TABLE: u32 = 65536

/** Most bytes of a key. A leaf's header has 13 bits for it; 4,096 is the protocol's limit. */
export const KEY_BYTES_MAX: u32 = 4096

/** Most bytes of a value: one allocation, one frame. 16 MiB. */
export const VALUE_BYTES_MAX: u32 = 16777216

// Fixed offsets of the state. Everything that changes lives here or in the arena.

/** u32: the record of the newest commit, published last. */
export const STATE_CURRENT: u32 = 1024
/** u32: the root of the open edit. */
export const STATE_ROOT: u32 = 1028
/** u32: live entries of the open edit. */
export const STATE_SIZE: u32 = 1032
/** u32: tombstones of the open edit. */
export const STATE_TOMBSTONES: u32 = 1036
/** u64: digest of the open edit. */
export const STATE_DIGEST: u32 = 1040
/** u64: the version being edited: the newest committed one, plus 1. */
export const STATE_EDIT: u32 = 1048
/** f64: key and value bytes of the live entries of the open edit. */
export const STATE_BYTES: u32 = 1056
/** f64: bytes of the tombstones of the open edit. */
export const STATE_TOMBSTONE_BYTES: u32 = 1064
/** u64: the horizon: the oldest version whose changes a walk can still find. */
export const STATE_HORIZON: u32 = 1072
/** u32: writes of the open edit so far. */
export const STATE_WRITES: u32 = 1080
/** u32: newest chunk of the open edit's dead list. */
export const STATE_DEAD: u32 = 1084
/** u32: oldest record that is still needed. */
export const STATE_OLDEST: u32 = 1088
/** u32: records that hold a state: snapshots, and the base. */
export const STATE_SNAPSHOTS: u32 = 1092
/** u32: the record that `reclaim` is working on. */
export const STATE_DYING: u32 = 1096
/** u32: what `reclaim` has left to look at of it. */
export const STATE_DYING_LIST: u32 = 1100
/** u32: the last of a ring of records without holders that `reclaim` has yet to take. */
export const STATE_RELEASED: u32 = 1104
/** u32: nodes in the arena. */
export const STATE_NODES: u32 = 1108
/** u32: leaves in the arena, tombstones included. */
export const STATE_LEAVES: u32 = 1112
/** u32: items in the arena. */
export const STATE_ITEMS: u32 = 1116
/** u32: oldest chunk of the tombstone queue. */
export const STATE_QUEUE_FIRST: u32 = 1120
/** u32: entries already taken of it. */
export const STATE_QUEUE_TAKEN: u32 = 1124
/** u32: newest chunk of the tombstone queue. */
export const STATE_QUEUE_LAST: u32 = 1128
/** u32: its chunk at the last commit, for an abort. */
export const STATE_QUEUE_MARK: u32 = 1132
/** u32: entries in that chunk at the last commit. */
export const STATE_QUEUE_MARK_COUNT: u32 = 1136
/** u32: 1 while a resync by list runs. */
export const STATE_RESYNC: u32 = 1140
/** u64: newest version when it began. */
export const STATE_RESYNC_VERSION: u32 = 1144
/** u64: first half of the hash seed. */
export const STATE_SEED_0: u32 = 1152
/** u64: second half of the hash seed. */
export const STATE_SEED_1: u32 = 1160
/** u32: bits of the hash that are used; all but in tests. */
export const STATE_HASH_MASK: u32 = 1168
/** u32: pages that the arena may have, page table included. */
export const STATE_PAGES_MAX: u32 = 1172
/** u32: first page of the arena. */
export const STATE_PAGE_FIRST: u32 = 1176
/** u32: one past the last page of the arena. */
export const STATE_PAGE_END: u32 = 1180
/** u32: pages of the arena that are free. */
export const STATE_PAGES_FREE: u32 = 1184
/** u32: no page below this one is free. */
export const STATE_PAGE_HINT: u32 = 1188
/** f64: bytes of the blocks that are in use, each rounded up to its class. */
export const STATE_BYTES_LIVE: u32 = 1192
/** u32[55]: for each class, the first of its pages that has room. */
export const STATE_PARTIAL: u32 = 1280

// Statuses of a call.

export const OK: i32 = 0
/** No room within the memory bound. Nothing was changed. */
export const FULL: i32 = 1
/** A record of an image that cannot be. */
export const BAD_IMAGE: i32 = 2

// Modes of `write`.

/** A write of the source, in order. */
export const WRITE: i32 = 0
/** An entry of a list: kept only if newer than what is there, which is marked as seen. */
export const LISTED: i32 = 1

// An update that `write` is given: offsets that the host fills.

/** u32: address of the key. */
export const UPDATE_KEY: u32 = 0
/** u32: its bytes, 1 … `KEY_BYTES_MAX`. */
export const UPDATE_KEY_BYTES: u32 = 4
/** u32: address of the value. */
export const UPDATE_VALUE: u32 = 8
/** u32: its bytes; 0 in a deletion. */
export const UPDATE_VALUE_BYTES: u32 = 12
/** f64: the source's revision. */
export const UPDATE_REVISION: u32 = 16
/** u32: 1 for a deletion, else 0. */
export const UPDATE_DELETE: u32 = 28
export const UPDATE_BYTES: u32 = 48
/** Most updates of one call. */
export const UPDATES_MAX: u32 = 16

// Modes of `walk`: the form in which it writes a leaf.

/**
 * Nothing: `WALK_SUM_ENTRIES` and `WALK_SUM_DIGEST` are moved by the difference to `WALK_OLD_ROOT`.
 */
export const MODE_SUMS: u32 = 0
/**
 * A record: u32 op, u32 key bytes, u32 value bytes, u32 hash, f64 revision, key, value, to 8 bytes.
 */
export const MODE_RAW: u32 = 1
/** Wire JSON, the value inline. */
export const MODE_JSON: u32 = 2
/** Wire JSON, the value as a JSON string. */
export const MODE_TEXT: u32 = 3
/** Wire JSON, the value as base64. */
export const MODE_BINARY: u32 = 4

/** A leaf as it stands in memory, to 8 bytes; tombstones too. For images. */
export const MODE_IMAGE: u32 = 5

export const OP_PUT: u32 = 0
export const OP_DELETE: u32 = 1
export const OP_TOUCH: u32 = 2

// A walk request, which also holds the answer: offsets from its start, to which the host gives
// `WALK_BYTES` bytes of its own.

/** u32: the root to walk. */
export const WALK_ROOT: u32 = 0
/** u32: `MODE_…`. */
export const WALK_MODE: u32 = 4
/** u64: leaves that were written after this version; 0 for all that are live. */
export const WALK_SINCE: u32 = 8
/** u32: filter block, or 0. */
export const WALK_FILTER: u32 = 16
/** u32: where to write. */
export const WALK_OUT: u32 = 20
/** u32: bytes that fit there. */
export const WALK_OUT_BYTES: u32 = 24
/** u32: bytes after which to stop; one leaf larger than it comes alone. */
export const WALK_BYTES_MAX: u32 = 28
/** u32: nodes and leaves to look at before stopping; at least 256. */
export const WALK_VISITS_MAX: u32 = 32
/** u32: 1 when the walk goes on after `WALK_HASH`. In and out. */
export const WALK_STARTED: u32 = 36
/** u32: the place: every leaf up to and including this hash is done. In and out. */
export const WALK_HASH: u32 = 40
/** u32: leaves of the next hash that are done. In and out. */
export const WALK_SKIP: u32 = 44
/** u32: root of the state that the sums stand on, or 0. */
export const WALK_OLD_ROOT: u32 = 48
/** u32, out: bytes written. */
export const WALK_WRITTEN: u32 = 52
/** u32, out: leaves written. */
export const WALK_ENTRIES: u32 = 56
/** u32, out: 1 when nothing is left. */
export const WALK_ENDED: u32 = 60
/** u32, out: when not 0, nothing was written, and the next leaf needs this many bytes of room. */
export const WALK_NEED: u32 = 64
/** i32, out: entries more than in the old state. */
export const WALK_SUM_ENTRIES: u32 = 68
/** u64, out: digest more than in the old state. */
export const WALK_SUM_DIGEST: u32 = 72
/** Scratch for the digest: 48 bytes. */
export const WALK_SCRATCH: u32 = 80
/** Stack of the walk: 8 levels of 16 bytes. */
export const WALK_STACK: u32 = 128
export const WALK_BYTES: u32 = 256

// A record: offsets that the host reads.

export const RECORD_VERSION: u32 = 0
export const RECORD_DIGEST: u32 = 8
export const RECORD_REACH: u32 = 16
export const RECORD_PAYLOAD: u32 = 24
export const RECORD_ROOT: u32 = 32
export const RECORD_SIZE: u32 = 36
export const RECORD_TOMBSTONES: u32 = 40
export const RECORD_COMPLETE: u32 = 44

// A leaf: offsets that the host reads.

export const LEAF_REVISION: u32 = 16
export const LEAF_HASH: u32 = 24
export const LEAF_VALUE_BYTES: u32 = 28
export const LEAF_HEADER_BYTES: u32 = 40
/** Bits of the u16 at the start of a leaf. */
export const LEAF_KEY_MASK: u32 = 8191
export const LEAF_TOMBSTONE: u32 = 8192

// An item: offsets that the host reads.

export const ITEM_NEXT: u32 = 4
export const ITEM_KIND: u32 = 8
export const ITEM_LENGTH: u32 = 12
export const ITEM_VERSION: u32 = 16
export const ITEM_REVISION: u32 = 24
export const ITEM_HEADER_BYTES: u32 = 32

// Digest seeds: PROTOCOL.md, "Digest".

export const DIGEST_SEED_LO: u32 = 1214603620
export const DIGEST_SEED_HI: u32 = 2002875493
