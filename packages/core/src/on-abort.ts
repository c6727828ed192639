/**
 * Runs a task once, when a signal is aborted; at once, if it already is. Any number of tasks may
 * wait on one signal.
 *
 * @param signal nothing ever happens when it is absent.
 * @param task must not throw.
 * @returns a function that withdraws the task; calling it again is harmless.
 */
export function onAbort(signal: AbortSignal | undefined, task: () => void): () => void {
  const tasks = watched.get(signal!) ?? new Tasks()
  // A function of its own, so that one task can be given twice.
  const own = () => task()
  if (signal?.aborted) task()
  else if (signal) {
    if (!tasks.size) signal.addEventListener("abort", tasks, { once: true })
    watched.set(signal, tasks.add(own))
  }
  return () => {
    if (tasks.delete(own) && !tasks.size) signal!.removeEventListener("abort", tasks)
  }
}

// One listener for each signal, however many tasks: Node 20 warns of a leak at the eleventh. It is
// removed with the last task, because Node keeps a signal alive as long as it has a listener.
class Tasks extends Set<() => void> {
  handleEvent() {
    for (const task of this) task()
    this.clear()
  }
}

const watched = /* @__PURE__ */ new WeakMap<AbortSignal, Tasks>()
