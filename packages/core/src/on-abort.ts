/**
 * Runs a task once, when a signal is aborted; at once, if it already is. Any number of tasks may
 * wait on one signal.
 *
 * @param signal nothing ever happens when it is absent.
 * @param task must not throw.
 * @returns a function that withdraws the task; calling it again is harmless.
 */
export function onAbort(signal: AbortSignal | undefined, task: () => void): () => void {
  if (!signal) return () => {}
  if (signal.aborted) {
    task()
    return () => {}
  }
  const { tasks, run } = watched.get(signal) ?? watch(signal)
  // A function of its own, so that one task can be given twice.
  const own = () => task()
  tasks.add(own)
  return () => {
    if (!tasks.delete(own) || tasks.size > 0) return
    watched.delete(signal)
    signal.removeEventListener("abort", run)
  }
}

interface Watch {
  readonly tasks: Set<() => void>
  readonly run: () => void
}

// One listener for each signal, however many tasks: Node 20 warns of a leak at the eleventh. It is
// removed with the last task, because Node keeps a signal alive as long as it has a listener.
const watched = /* @__PURE__ */ new WeakMap<AbortSignal, Watch>()

function watch(signal: AbortSignal): Watch {
  const tasks = new Set<() => void>()
  const run = () => {
    watched.delete(signal)
    for (const task of tasks) task()
    tasks.clear()
  }
  const fresh = { tasks, run }
  watched.set(signal, fresh)
  signal.addEventListener("abort", run, { once: true })
  return fresh
}
