import { defineConfig } from "vitest/config"

/**
 * End to end: processes as a user starts them, a real etcd, real time. One file after another,
 * for each of them fills the machine.
 */
export default defineConfig({
  resolve: { conditions: ["@headwater/source"] },
  ssr: {
    resolve: { conditions: ["@headwater/source"], externalConditions: ["@headwater/source"] },
  },
  test: {
    pool: "forks",
    fileParallelism: false,
    include: ["tools/e2e/**/*.test.ts"],
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
})
