/**
 * `npm run example -- [--sample] [--port PORT]`
 *
 * Installs and builds what is missing, gets an etcd where it can, and runs apps/example.
 */
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { fail, prepare, withProgress } from "./prepare.mjs"
import { findProgram } from "./system.mjs"
import { root } from "./workspace.mjs"

await prepare(async () => {
  const etcd = await withProgress("installing etcd", (onInstall) => findProgram("etcd", onInstall))
  if (etcd.missing) fail(`the example needs an etcd: ${etcd.missing}`)
})
await import(pathToFileURL(join(root, "apps/example/dist/main.js")).href)
