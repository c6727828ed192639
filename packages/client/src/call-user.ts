/**
 * Calls a function of the user. An error, also a later one of its promise, is the user's bug: it is
 * printed, and harms neither the replica nor the process.
 */
export function callUser<Args extends unknown[]>(
  listener: (...args: Args) => unknown,
  ...args: Args
): void {
  // Never rejects: there is nothing to catch.
  runUser(() => listener(...args)).catch(() => {})
}

/** Runs a task of the user to its end, in the same way. Never rejects. */
export async function runUser(task: () => unknown): Promise<void> {
  try {
    await task()
  } catch (error) {
    console.error(error)
  }
}
