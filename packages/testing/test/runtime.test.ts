import { expect, test } from "vitest"

// The test command runs every suite once on each runtime. This one proves that it did: a runner
// that forks another binary than its own would test one runtime five times.

const wanted = process.env.HEADWATER_RUNTIME

test.skipIf(!wanted)(`the suite runs on ${wanted ?? "whatever there is"}`, () => {
  const { bun, deno, node } = process.versions
  const name = bun ? "bun" : deno ? "deno" : "node"
  console.log(`running on ${name} ${bun ?? deno ?? node}`)

  if (wanted === "node22" || wanted === "node24") {
    expect(`${name}${node.split(".")[0]}`).toBe(wanted)
  } else {
    expect(name).toBe(wanted)
  }
})
