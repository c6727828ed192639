/**
 * One seed, one history: a model source that does whatever sources do, two hubs of the real syncer
 * and cache that crash and come back, and readers who compare all that they are told with the
 * truth.
 *
 * @example
 * const { compared, transcript } = await simulate(4711)
 * console.log(compared, transcript.join("\n"))
 *
 * @module
 */
export { ModelCluster, type ModelState } from "./model-cluster.ts"
export { type Faults, NO_FAULTS, SimulatedSource } from "./simulated-source.ts"
export { SimulationError, type SimulationReport, simulate } from "./simulation.ts"
