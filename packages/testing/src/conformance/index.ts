/**
 * Suites that prove an implementation of one of Headwater's contracts, for ours and for yours.
 *
 * @example
 * import { describe, expect, test } from "vitest"
 *
 * sourceConformance({ describe, test, expect }, "my source", async () => {
 *   const source = await openMySource()
 *   return { source, compact, openCalls: () => 0, close: async () => {} }
 * }, ["progress"])
 *
 * @module
 */
export { type SourceUnderTest, sourceConformance, type Trait } from "./source.ts"
export type { DeclareTest, Suite } from "./suite.ts"
