/**
 * Fan-out: one event to many subscribers of the same process.
 *
 * Question: what does it cost to hand an event to 1, 100 and 10,000 subscribers in process?
 * Unit:     ns of CPU for each delivery, of all threads: publishing, waking and handing over.
 * Control:  `emitter`, the platform's `EventEmitter`, which calls functions and keeps nothing.
 * Peers:    mitt, RxJS's `Subject`; and `promises`, a linked list of promises, the least code by
 *           which each subscriber reads at its own pace, as ours do.
 *
 * Emitters deliver within the call; ours and `promises` in a later turn, to loops that wait. A
 * sample ends when every subscriber has everything.
 */
import { collectGarbage } from "../garbage.ts"
import type { Scenario } from "../scenario.ts"
import { type Plan, plans } from "../stopwatch.ts"
import type { FanOut, Payload } from "../subjects/fanout/fan-out.ts"
import type { Measurement, SizeName, Task } from "../task.ts"
import { expectAnswer } from "../wrong-answer.ts"

export const fanout: Scenario = {
  name: "fanout",
  question: "What does it cost to hand an event to many subscribers in process?",
  control: "emitter",
  subjects: ["headwater", "emitter", "mitt", "rxjs", "promises"],
  sizes: { full: [1, 100, 10_000], smoke: [10] },
  rounds: { full: 3, smoke: 1 },

  async visit({ subject, size, sizeName }: Task): Promise<readonly Measurement[]> {
    const make = makers[subject]
    if (make === undefined) throw new Error(`there is no subject ${subject}`)
    await check(await make())
    const found: Measurement[] = []
    for (const burst of BURSTS) {
      const audience = new Audience(await make(), size)
      const plan = plans[sizeName]
      await audience.measure(burst, Math.ceil(WARM_DELIVERIES[sizeName] / size / burst))
      const samples = await sampled(audience, burst, { plan, sizeName })
      found.push({ operation: operationOf(burst), unit: "ns of CPU per delivery", samples })
      audience.close()
    }
    return found
  },
}

/** Events that are published before the subject waits for readers. */
const BURSTS = [1, 100]
const WARM_DELIVERIES: Readonly<Record<SizeName, number>> = { full: 200_000, smoke: 100 }
// The clock of CPU time ticks in ms on some machines: a sample lasts much longer.
const SAMPLE_DELIVERIES: Readonly<Record<SizeName, number>> = { full: 500_000, smoke: 200 }

const makers: Readonly<Record<string, () => Promise<FanOut>>> = {
  headwater: async () => {
    const { HeadwaterFanOut } = await import("../subjects/fanout/headwater.ts")
    return new HeadwaterFanOut()
  },
  emitter: async () => new (await import("../subjects/fanout/emitters.ts")).EmitterFanOut(),
  mitt: async () => new (await import("../subjects/fanout/emitters.ts")).MittFanOut(),
  rxjs: async () => new (await import("../subjects/fanout/emitters.ts")).RxjsFanOut(),
  promises: async () => new (await import("../subjects/fanout/promises.ts")).PromisesFanOut(),
}

function operationOf(burst: number): string {
  return burst === 1 ? "one event" : `each of ${burst} events at once`
}

function payloadOf(serial: number): Payload {
  return { serial, name: `name ${serial % 100}`, isOn: serial % 2 === 0 }
}

/** Each of a few subscribers is handed every payload whole, once, in order, also in bursts. */
async function check(fanOut: FanOut): Promise<void> {
  const heard: Payload[][] = [[], [], []]
  for (const each of heard) fanOut.subscribe((payload) => each.push(payload))
  await nextTurn()
  const expected: Payload[] = []
  for (let serial = 1; serial <= 30; serial++) {
    const payload = payloadOf(serial)
    expected.push(payload)
    fanOut.publish(payload)
    if (serial % 7 === 0) await nextTurn()
  }
  await nextTurn()
  for (const each of heard) expectAnswer("what a subscriber was handed", each, expected)
  fanOut.close()
}

/** So many subscribers, each of which checks the order of what it is handed. */
class Audience {
  readonly size: number
  readonly #fanOut: FanOut
  #published = 0
  #delivered = 0
  #disorders = 0
  #expected = 0
  #onAll: () => void = () => {}

  constructor(fanOut: FanOut, size: number) {
    this.#fanOut = fanOut
    this.size = size
    for (let index = 0; index < size; index++) fanOut.subscribe(this.#subscriber())
  }

  /** Publishes bursts, each when every subscriber has the one before. Returns the deliveries. */
  async measure(burst: number, bursts: number): Promise<number> {
    await nextTurn()
    const before = this.#delivered
    for (let time = 0; time < bursts; time++) {
      this.#expected = this.#delivered + burst * this.size
      const all = new Promise<void>((resolve) => {
        this.#onAll = resolve
      })
      for (let event = 0; event < burst; event++) this.#fanOut.publish(payloadOf(++this.#published))
      await all
    }
    expectAnswer("deliveries out of order", this.#disorders, 0)
    expectAnswer("deliveries", this.#delivered, this.#published * this.size)
    return this.#delivered - before
  }

  close(): void {
    this.#fanOut.close()
  }

  #subscriber(): (payload: Payload) => void {
    let last = 0
    return ({ serial }) => {
      if (serial !== last + 1) this.#disorders++
      last = serial
      this.#delivered++
      if (this.#delivered === this.#expected) this.#onAll()
    }
  }
}

async function sampled(
  audience: Audience,
  burst: number,
  { plan, sizeName }: { readonly plan: Plan; readonly sizeName: SizeName },
): Promise<number[]> {
  const samples: number[] = []
  const bursts = Math.ceil(SAMPLE_DELIVERIES[sizeName] / audience.size / burst)
  collectGarbage()
  const began = performance.now()
  do {
    const before = process.cpuUsage()
    const deliveries = await audience.measure(burst, bursts)
    const { user, system } = process.cpuUsage(before)
    samples.push(((user + system) * 1_000) / deliveries)
  } while (samples.length < plan.samplesMax && performance.now() - began < plan.budgetMs)
  return samples
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}
