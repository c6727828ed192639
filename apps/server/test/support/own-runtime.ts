import type { Runtime } from "../../src/runtime/runtime.ts"

/**
 * The adapter that a test of the server runs on. The test runner resolves `#runtime` as Node does,
 * whatever it runs on; on Bun that stays so, whose own server is tested end to end.
 */
export async function ownRuntime(): Promise<Runtime> {
  if (process.versions.deno) return (await import("../../src/runtime/deno.ts")).runtime
  return (await import("../../src/runtime/node.ts")).runtime
}
