import type { TurnScheduler } from "../fan-out/turn-scheduler.ts"

/**
 * Runs a generator to its end and returns its result. Each step is work of its own in a turn of the
 * event loop, so that a large body blocks no other request.
 *
 * @throws what the generator throws.
 */
export async function inSlices<T>(turns: TurnScheduler, work: Generator<void, T>): Promise<T> {
  for (;;) {
    const step = await turns.run(() => work.next())
    if (step.done) return step.value
  }
}
