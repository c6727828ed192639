/**
 * `connect`, with one stream for all who follow the same, whoever they are: parts of a page that
 * know nothing of each other, or libraries that each bring a copy of this one.
 *
 * @example
 * import { connect } from "@headwater/client/shared"
 *
 * await using replica = connect({ url: "/", topic: "default" })
 * await using again = connect({ url: "/", topic: "default" }) // no other stream
 *
 * @module
 */
export { connect } from "./shared-connect.ts"
