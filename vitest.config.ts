import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

/** One suite for Node 20 to 24, Bun and Deno. `forks` is the pool that works on all of them. */
export default defineConfig({
  resolve: { conditions: ["@headwater/source"] },
  ssr: {
    resolve: { conditions: ["@headwater/source"], externalConditions: ["@headwater/source"] },
  },
  test: {
    pool: "forks",
    // One fewer than processors, as is usual, would be one where there are two.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    include: [
      "packages/*/test/**/*.test.ts",
      "apps/*/test/**/*.test.ts",
      "wasm/test/**/*.test.ts",
      "bench/test/**/*.test.ts",
    ],
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
})
