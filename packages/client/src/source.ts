/**
 * Another hub as a source, so that a hub can stand behind a hub: `headwater+http://HOST/TOPIC`.
 *
 * @example
 * import { createHub } from "@headwater/server"
 * import { hubSource } from "@headwater/client/source"
 *
 * const source = hubSource({ url: "http://10.0.0.1:8080", topic: "services" })
 * createHub({ topics: [{ name: "services", source }] })
 *
 * @module
 */
export { AccessError } from "@headwater/core"
export { ReplicaError } from "./replica-error.ts"
export { type HubFrame, streamFrames } from "./source/hub-frames.ts"
export { type HubSourceOptions, hubSource } from "./source/hub-source.ts"
export { hubType } from "./source/hub-type.ts"
export { rawValues } from "./source/raw-values.ts"
export { StreamProgress, type StreamRequest } from "./stream-text.ts"
