// The numbers of `layout.ts` against the classes that they describe. Debug build only: in the
// release build it is empty. A layout that is changed in one place alone ends the first test.

import { Item } from "./buffer/item"
import { Leaf } from "./hamt/leaf"
import { HEADER_BYTES as NODE_HEADER_BYTES, Node } from "./hamt/node"
import { Write } from "./hamt/put"
import { Record } from "./hamt/snapshot"
import {
  ITEM_HEADER_BYTES,
  ITEM_KIND,
  ITEM_LENGTH,
  ITEM_NEXT,
  ITEM_REVISION,
  ITEM_VERSION,
  KEY_BYTES_MAX,
  LEAF_HASH,
  LEAF_HEADER_BYTES,
  LEAF_KEY_MASK,
  LEAF_REVISION,
  LEAF_TOMBSTONE,
  LEAF_VALUE_BYTES,
  RECORD_COMPLETE,
  RECORD_DIGEST,
  RECORD_PAYLOAD,
  RECORD_REACH,
  RECORD_ROOT,
  RECORD_SIZE,
  RECORD_TOMBSTONES,
  RECORD_VERSION,
  UPDATE_BYTES,
  UPDATE_DELETE,
  UPDATE_KEY,
  UPDATE_KEY_BYTES,
  UPDATE_REVISION,
  UPDATE_VALUE,
  UPDATE_VALUE_BYTES,
} from "./layout"
import { PAGE_DESCRIPTOR_BYTES, Page } from "./memory/arena"

/** Asserts that every number of `layout.ts` that names a field is where the compiler put it. */
export function assertLayout(): void {
  if (ASC_NO_ASSERT) return
  assert(offsetof<Leaf>() == LEAF_HEADER_BYTES)
  assert(offsetof<Leaf>("revision") == LEAF_REVISION)
  assert(offsetof<Leaf>("hash") == LEAF_HASH)
  assert(offsetof<Leaf>("valueBytes") == LEAF_VALUE_BYTES)
  assert(KEY_BYTES_MAX <= LEAF_KEY_MASK && LEAF_TOMBSTONE == LEAF_KEY_MASK + 1)
  assert(offsetof<Node>() == NODE_HEADER_BYTES)
  assert(offsetof<Page>() == PAGE_DESCRIPTOR_BYTES)

  assert(offsetof<Write>() == UPDATE_BYTES)
  assert(offsetof<Write>("key") == UPDATE_KEY)
  assert(offsetof<Write>("keyBytes") == UPDATE_KEY_BYTES)
  assert(offsetof<Write>("value") == UPDATE_VALUE)
  assert(offsetof<Write>("valueBytes") == UPDATE_VALUE_BYTES)
  assert(offsetof<Write>("revision") == UPDATE_REVISION)
  assert(offsetof<Write>("tombstone") == UPDATE_DELETE)

  assert(offsetof<Record>("version") == RECORD_VERSION)
  assert(offsetof<Record>("digest") == RECORD_DIGEST)
  assert(offsetof<Record>("reach") == RECORD_REACH)
  assert(offsetof<Record>("payload") == RECORD_PAYLOAD)
  assert(offsetof<Record>("root") == RECORD_ROOT)
  assert(offsetof<Record>("size") == RECORD_SIZE)
  assert(offsetof<Record>("tombstones") == RECORD_TOMBSTONES)
  assert(offsetof<Record>("complete") == RECORD_COMPLETE)

  assert(offsetof<Item>() == ITEM_HEADER_BYTES)
  assert(offsetof<Item>("next") == ITEM_NEXT)
  assert(offsetof<Item>("kind") == ITEM_KIND)
  assert(offsetof<Item>("length") == ITEM_LENGTH)
  assert(offsetof<Item>("version") == ITEM_VERSION)
  assert(offsetof<Item>("revision") == ITEM_REVISION)
}
