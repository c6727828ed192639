/**
 * Parts for tests of Headwater and of sources written for it: time and chance that a test
 * owns. The conformance suites are behind `@headwater/testing/conformance`, and a real etcd behind
 * `@headwater/testing/etcd`.
 *
 * @example
 * const clock = new ManualClock()
 * clock.after(1_000, () => console.log("a second later"))
 * await clock.advance(1_000)
 *
 * @module
 */
export { ManualClock } from "./manual-clock.ts"
export { freshSeed, integerBelow, pick, prng, seedFrom } from "./prng.ts"
export { UnreliableSource } from "./unreliable-source.ts"
