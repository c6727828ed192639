/**
 * Follows a replica: `commitsOf` yields its commits, and `waitFor` waits until it shows a position.
 *
 * @example
 * import { connect } from "@headwater/client"
 * import { commitsOf } from "@headwater/client/follow"
 *
 * const replica = connect({ url: "http://127.0.0.1:8080", topic: "default" })
 * for await (const commit of commitsOf(replica)) console.log(commit.position, commit.changes)
 *
 * @module
 */
export { commitsOf } from "./follow/commits-of.ts"
export { waitFor } from "./follow/wait-for.ts"
