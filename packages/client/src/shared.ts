/**
 * One connection for all tabs of an origin, and for all topics of a hub, however many follow.
 *
 * @example
 * import { connect } from "@headwater/client"
 * import { tabs } from "@headwater/client/shared"
 *
 * const replica = connect({ url: "/", topic: "default", fetch: tabs() })
 * await replica.ready
 *
 * @module
 */
export { multiplexed } from "./shared/multiplexed.ts"
export { type TabsOptions, tabs } from "./shared/tabs.ts"
