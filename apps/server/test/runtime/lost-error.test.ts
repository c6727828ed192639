import process from "node:process"
import { expect, test } from "vitest"
import { runtime } from "#runtime"

test("a rejection that nothing waits for is reported, and the process goes on", async () => {
  // The test runner has listeners of its own, which would fail this run.
  const others = process.listeners("unhandledRejection")
  process.removeAllListeners("unhandledRejection")
  try {
    const reported = new Promise((resolve) => runtime.onLostError(resolve))
    void Promise.reject(new Error("lost"))

    expect(await reported).toEqual(new Error("lost"))
  } finally {
    process.removeAllListeners("unhandledRejection")
    for (const listener of others) process.on("unhandledRejection", listener)
  }
})
