/** Requests that are begun in one turn of the event loop: a few ms of work. */
const REQUESTS_PER_TURN = 8

type Task = () => void

/**
 * Begins requests a few in a turn of the event loop, so that what arrives at once on many
 * connections, or as many streams of one, does not hold up everything else. Connections that wait
 * take turns, one request each.
 */
export class FairTurns {
  readonly #queues = new Map<object, Task[]>()
  #begun = 0
  #isScheduled = false

  /** Begins a request of a connection now, or in a later turn where this one has enough. */
  run(connection: object, task: Task): void {
    if (this.#queues.size > 0 || this.#begun >= REQUESTS_PER_TURN) {
      this.defer(connection, task)
      return
    }
    this.#begun += 1
    this.#schedule()
    task()
  }

  /** Begins a request of a connection in a later turn. */
  defer(connection: object, task: Task): void {
    const queue = this.#queues.get(connection)
    if (queue === undefined) this.#queues.set(connection, [task])
    else queue.push(task)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#turn())
  }

  #turn(): void {
    this.#isScheduled = false
    this.#begun = 0
    for (const [connection, queue] of this.#queues) {
      if (this.#begun >= REQUESTS_PER_TURN) break
      this.#begun += 1
      const task = queue.shift()
      // The last in the row from now on.
      this.#queues.delete(connection)
      if (queue.length > 0) this.#queues.set(connection, queue)
      task?.()
    }
    if (this.#begun > 0) this.#schedule()
  }
}
