/**
 * Writes to the topic of a replica, which then shows what was written.
 *
 * @example
 * import { connect } from "@headwater/client"
 * import { writer } from "@headwater/client/write"
 *
 * const replica = connect({ url: "http://127.0.0.1:8080", topic: "default" })
 * await writer(replica).put("greeting", "hello")
 * console.log(replica.get("greeting"))
 *
 * @module
 */
export { WriteError } from "./write-error.ts"
export {
  type BatchChange,
  type BatchCondition,
  WRITE_MS,
  type WriteCondition,
  type WriteOptions,
  type Writer,
  type WriterOptions,
  writer,
} from "./writer.ts"
