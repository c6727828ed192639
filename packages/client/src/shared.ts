/**
 * One connection for all tabs of an origin, however many follow.
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
export { type TabsOptions, tabs } from "./shared/tabs.ts"
